using Lorikeet.Models.Files;

namespace Lorikeet.Models.Tests.Files;

public sealed class TensorFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void One_file_opens()
    {
        Shard("model.safetensors", "a", "b");
        using TensorFolder opened = TensorFolder.Open(folder.Path);
        Assert.Equal(["a", "b"], opened.Names);
        Assert.True(opened.TryGet("a", out StoredTensor? tensor, out SafetensorsFile? file));
        Assert.Equal(8, file.Bytes(tensor).Length);
    }

    [Fact]
    public void Shards_open()
    {
        Shard("x-1.safetensors", "a");
        Shard("x-2.safetensors", "b");
        Index("{\"metadata\":{\"total_size\":16},\"weight_map\":{\"a\":\"x-1.safetensors\",\"b\":\"x-2.safetensors\"}}");
        using TensorFolder opened = TensorFolder.Open(folder.Path);
        Assert.Equal(["a", "b"], opened.Names.Order());
    }

    [Theory]
    [InlineData("{\"weight_map\":{\"a\":\"../x-1.safetensors\"}}", "plain file name")]
    [InlineData("{\"weight_map\":{\"a\":\"..\"}}", "plain file name")]
    [InlineData("{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "plain file name")]
    [InlineData("{\"weight_map\":{\"a\":7}}", "plain file name")]
    [InlineData("{\"weight_map\":{\"a\":\"x-9.safetensors\"}}", "not in the folder")]
    [InlineData("{\"weight_map\":{\"a\":\"x-1.safetensors\",\"c\":\"x-1.safetensors\"}}", "tensor c is in x-1.safetensors; it is not there")]
    [InlineData("{\"weight_map\":{\"a\":\"x-1.safetensors\",\"b\":\"x-1.safetensors\",\"d\":\"x-2.safetensors\"}}", "one shard")]
    [InlineData("{\"weight_map\":{\"a\":\"x.bin\"}}", "pickle")]
    [InlineData("{\"weight_map\":[]}", "weight_map")]
    public void A_bad_index_is_refused(string index, string expected)
    {
        Shard("x-1.safetensors", "a", "b");
        Shard("x-2.safetensors", "b", "d");
        Index(index);
        BadFileException e = Assert.Throws<BadFileException>(() => TensorFolder.Open(folder.Path));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pickles_are_refused_with_the_way_to_convert()
    {
        Assert.Contains("no weights", Assert.Throws<BadFileException>(() => TensorFolder.Open(folder.Path)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(folder["pytorch_model.bin"], [0x80, 2]);
        string message = Assert.Throws<BadFileException>(() => TensorFolder.Open(folder.Path)).Message;
        Assert.Contains("can run code", message, StringComparison.Ordinal);
        Assert.Contains("safe_serialization=True", message, StringComparison.Ordinal);
    }

    private void Shard(string name, params string[] tensors) =>
        SafetensorsWriter.Write(folder[name], null, [.. tensors.Select(t => TensorToWrite.Single(t, [2], new float[2]))]);

    private void Index(string json) => File.WriteAllText(folder["model.safetensors.index.json"], json);
}
