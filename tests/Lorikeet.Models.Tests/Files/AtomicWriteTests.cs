using Lorikeet.Models.Files;

namespace Lorikeet.Models.Tests.Files;

public sealed class AtomicWriteTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_full_disk_leaves_the_old_file_and_no_other()
    {
        string path = folder["model.safetensors"];
        AtomicFile.WriteText(path, "old");

        Assert.Throws<IOException>(() => SafetensorsWriter.Write(path, null,
        [
            TensorToWrite.Single("a", [70_000], new float[70_000]),
            new TensorToWrite("b", StoredType.U8, [10], to =>
            {
                to.Write(new byte[5]);
                throw new IOException("No space left on device");
            }),
        ]));

        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_new_file_that_fails_leaves_nothing()
    {
        Assert.Throws<IOException>(() => AtomicFile.Write(folder["a"], to =>
        {
            to.Write(new byte[100_000]);
            throw new IOException("No space left on device");
        }));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData(9)]
    [InlineData(11)]
    public void A_tensor_of_another_length_is_refused(int written)
    {
        TensorToWrite tensor = new("b", StoredType.U8, [10], to => to.Write(new byte[written]));
        Assert.Throws<InvalidOperationException>(() => SafetensorsWriter.Write(folder["a"], null, [tensor]));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Names_are_distinct()
    {
        TensorToWrite a = TensorToWrite.Single("a", [0], Array.Empty<float>());
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(folder["a"], null, [a, a]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(folder["a"], null, [a with { Name = "__metadata__" }]));
    }
}
