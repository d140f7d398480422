using System.Buffers.Binary;
using System.Text;
using Lorikeet.Models.Files;
using Lorikeet.Testing;

namespace Lorikeet.Models.Tests.Files;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_was_written_is_read()
    {
        string path = folder["a.safetensors"];
        float[] values = [1.5f, -2.25f, 3.141592f, float.NaN, float.PositiveInfinity, 1e-40f];
        Dictionary<string, string> metadata = new() { ["format"] = "pt", ["é\n"] = "\"quoted\"" };
        SafetensorsWriter.Write(path, metadata,
        [
            TensorToWrite.Single("z", [2, 3], values),
            TensorToWrite.Single("b", [3, 2], values, StoredType.BF16),
            TensorToWrite.Single("h", [6], values, StoredType.F16),
            TensorToWrite.Single("scalar", [], new float[] { 7 }),
            TensorToWrite.Single("empty", [0, 5], Array.Empty<float>()),
            new TensorToWrite("ids", StoredType.I64, [2], to => to.Write(new byte[16])),
        ]);

        using SafetensorsFile file = SafetensorsFile.Open(path);

        Assert.Equal(metadata, file.Metadata);
        Assert.Equal(["z", "b", "h", "scalar", "empty", "ids"], file.Tensors.Select(t => t.Name));
        Assert.Equal(0, file.Tensors[0].Offset % 8);
        float[] read = new float[6];
        file.ReadSingle(file.Tensors[0], read);
        Assert.Equal(values, read);
        file.ReadSingle(file.Tensors[1], read);
        Assert.Equal([1.5f, -2.25f, 3.140625f, float.NaN, float.PositiveInfinity, BitConverter.UInt32BitsToSingle(0x10000)], read);
        file.ReadSingle(file.Tensors[2], read);
        Assert.Equal([1.5f, -2.25f, 3.140625f, float.NaN, float.PositiveInfinity, 0], read);
        Assert.True(file.TryGet("empty", out StoredTensor? empty));
        Assert.Equal(0, file.Bytes(empty).Length);
        Assert.Equal([0L, 5L], empty.Shape);
        Assert.False(file.TryGet("none", out _));
        BadFileException e = Assert.Throws<BadFileException>(() => file.ReadSingle(file.Tensors.First(t => t.Name == "ids"), new float[2]));
        Assert.Contains("I64", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", 0, null)]
    [InlineData("{\"__metadata__\":{\"a\":\"b\"}}", 0, null)]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}   ", 8, null)]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"b\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1, null)]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9, "1 bytes after the last tensor")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 7, "cut off")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12, "belong to none")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}}", 6, "overlap")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,0]}}", 4, "backwards")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[-4,0]}}", 4, "negative offset")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[-4],\"data_offsets\":[0,4]}}", 4, "negative extent")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4.5],\"data_offsets\":[0,4]}}", 4, "whole numbers")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[1e3],\"data_offsets\":[0,4]}}", 4, "whole numbers")]
    [InlineData("{\"a\":{\"dtype\":\"F64\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 4, "overflows")]
    [InlineData("{\"a\":{\"dtype\":\"F64\",\"shape\":[0,9223372036854775807,9223372036854775807],\"data_offsets\":[0,0]}}", 0, "overflows")]
    [InlineData("{\"a\":{\"dtype\":\"F12\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "unknown dtype F12")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,4]}}", 4, "no shape")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0]}}", 4, "expected 2")]
    [InlineData("{\"a\":[]}", 0, "an array")]
    [InlineData("{\"__metadata__\":{\"a\":1}}", 0, "expected a string")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "twice")]
    [InlineData("{\"a\\ud800\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "surrogate")]
    [InlineData("[]", 0, "not JSON")]
    [InlineData("{} {}", 0, "not JSON")]
    [InlineData("{\"a\":", 0, "cut off")]
    [InlineData("{\"__metadata__\":{\"a\":[[[[[[[[[[]]]]]]]]]]}}", 0, "deeper")]
    public void A_header_is_accepted_or_refused(string header, int dataBytes, string? expected)
    {
        string path = folder["x.safetensors"];
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] bytes = new byte[8 + json.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, json.Length);
        json.CopyTo(bytes, 8);
        File.WriteAllBytes(path, bytes);

        if (expected is null)
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            Assert.All(file.Tensors, t => Assert.Equal(t.ByteLength, file.Bytes(t).Length));
            return;
        }
        BadFileException e = Assert.Throws<BadFileException>(() => SafetensorsFile.Open(path));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Absent_files_and_folders_are_refused_in_one_line()
    {
        Assert.Throws<BadFileException>(() => SafetensorsFile.Open(folder["none"]));
        Assert.Throws<BadFileException>(() => SafetensorsFile.Open(folder.Path));
    }

    [SharedTheory("parity/adapters/bad/index.json")]
    [InlineData("st-truncated", "is cut off: tensor")]
    [InlineData("st-header-length", "exceeds the file")]
    [InlineData("st-header-not-json", "the header is not JSON")]
    [InlineData("st-overlap", "overlap")]
    [InlineData("st-shape-size", "the offsets give")]
    [InlineData("st-shape-overflow", "shape overflows")]
    [InlineData("st-dtype", "unknown dtype F12")]
    [InlineData("st-negative-offset", "negative offset")]
    [InlineData("st-trailing", "200 bytes after the last tensor")]
    [InlineData("st-tiny", "not a safetensors file")]
    [InlineData("pickle-renamed", "does not start with a safetensors header: found 'PK'")]
    public void Bad_adapter_files_are_refused(string name, string expected)
    {
        string path = SharedFiles.Path($"parity/adapters/bad/{name}/adapter_model.safetensors")!;
        BadFileException e = Assert.Throws<BadFileException>(() => SafetensorsFile.Open(path));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [SharedFact("parity/models")]
    public void Every_model_file_of_the_reference_values_opens()
    {
        string[] files = Directory.GetFiles(SharedFiles.Path("parity/models")!, "*.safetensors", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        foreach (string path in files)
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            foreach (StoredTensor t in file.Tensors.Where(t => SafetensorsFile.ToElementType(t.Type) is not null))
            {
                file.ReadSingle(t, new float[t.Count]);
            }
        }
    }
}
