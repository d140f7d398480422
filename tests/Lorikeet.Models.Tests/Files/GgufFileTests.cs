using System.Buffers.Binary;
using System.Text;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Tests.Files;

public sealed class GgufFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Path => folder["f.gguf"];

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(1)]
    public void What_is_written_is_read(int alignment)
    {
        Write(alignment);
        using GgufFile file = GgufFile.Open(Path);
        Assert.True(GgufFile.Is(Path));
        Assert.Equal((3, alignment), (file.Version, file.Alignment));
        Assert.Equal(Metadata(alignment).Select(m => m.Key), file.Metadata.Keys);
        foreach ((string key, GgufValue value) in Metadata(alignment))
        {
            GgufValue read = file.Metadata[key];
            Assert.Equal((value.Type, value.Element), (read.Type, read.Element));
            Assert.Equal(value.Value, read.Value);
        }
        Assert.Equal(["one", "two.weight", "blocks", "empty"], file.Tensors.Select(t => t.Name));
        Assert.All(file.Tensors, t => Assert.Equal(0, t.Offset % alignment));
        Assert.True(file.TryGet("two.weight", out GgufTensor? two));
        Assert.Equal("F16", two.TypeName);
        Assert.Equal([2, 3], two.Shape);
        float[] row = new float[3];
        file.ReadSingle(two, 1, row);
        Assert.Equal([3f, 4f, 5f], row);
        Assert.Equal(2 * 34, file.Bytes(file.Tensors[2]).Length);
        Assert.Contains("no 2 from 1 on", Assert.Throws<ArgumentException>(() => file.Bytes(two, 1, 2).Length).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_written_again_is_the_same()
    {
        Write(64);
        using GgufFile file = GgufFile.Open(Path);
        GgufWriter.Write(folder["again.gguf"], file.Metadata, [.. file.Tensors.Select(t => new GgufTensorToWrite(t.Name, t.TypeId, t.Extents, to => to.Write(file.Bytes(t))))]);
        Assert.Equal(File.ReadAllBytes(Path), File.ReadAllBytes(folder["again.gguf"]));
    }

    [Fact]
    public void A_file_cut_anywhere_is_refused_or_lacks_nothing()
    {
        Write(32);
        byte[] whole = File.ReadAllBytes(Path);
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(Path, whole[..length]);
            try
            {
                using GgufFile file = GgufFile.Open(Path);
                // Padding after the last tensor may be missing.
                Assert.True(length >= file.Tensors.Max(t => t.Offset + t.ByteLength), $"cut at {length}");
            }
            catch (BadFileException e)
            {
                Assert.DoesNotContain('\n', e.Message);
            }
        }
    }

    [Fact]
    public void A_tensor_that_writes_too_much_or_too_little_leaves_no_file()
    {
        foreach (int bytes in (int[])[11, 13])
        {
            GgufTensorToWrite tensor = new("t", 0, [3], to => to.Write(new byte[bytes]));
            Assert.Throws<InvalidOperationException>(() => GgufWriter.Write(Path, [], [tensor]));
            Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
        }
        Assert.Contains("63 bytes", Assert.Throws<ArgumentException>(() => GgufWriter.Write(Path, [], [new(new string('x', 64), 0, [1], _ => { })])).Message, StringComparison.Ordinal);
        Assert.Contains("twice", Assert.Throws<ArgumentException>(() => GgufWriter.Write(Path, [], [new("x", 0, [1], _ => { }), new("x", 0, [1], _ => { })])).Message, StringComparison.Ordinal);
        Assert.Contains("multiple of 32", Assert.Throws<ArgumentException>(() => GgufWriter.Write(Path, [], [new("x", 8, [33], _ => { })])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1u, "version 1 is not read")]
    [InlineData(4u, "reads 2 and 3")]
    [InlineData(0x03000000u, "big-endian")]
    [InlineData(0u, "version is 0")]
    public void Other_versions_are_refused(uint version, string message) => Refused(Head(version, 0, 0), message);

    [Fact]
    public void Version_2_is_read()
    {
        File.WriteAllBytes(Path, Head(2, 0, 0));
        using GgufFile file = GgufFile.Open(Path);
        Assert.Equal((2, 0, 0), (file.Version, file.Tensors.Count, file.Metadata.Count));
    }

    [Fact]
    public void Hostile_heads_are_refused()
    {
        Refused([.. "GGUX"u8, .. new byte[30]], "expected GGUF");
        Refused(new byte[10], "smallest has 24");
        Refused(Head(3, 1_000_000_000_000_000_000, 0), "number of tensors is 1000000000000000000");
        Refused(Head(3, 0, ulong.MaxValue), "number of metadata values");
        Refused([.. Head(3, 0, 1), .. Number(ulong.MaxValue), .. new byte[40]], "has 18446744073709551615 bytes");
        Refused([.. Head(3, 0, 1), .. Text("k"), .. Number(13u), .. new byte[40]], "type 13");
        Refused([.. Head(3, 0, 1), .. Text("k"), .. Number(9u), .. Number(9u), .. new byte[40]], "arrays, which are not read");
        Refused([.. Head(3, 0, 1), .. Text("k"), .. Number(9u), .. Number(77u), .. new byte[40]], "the type 77");
        Refused([.. Head(3, 0, 1), .. Text("k"), .. Number(9u), .. Number(4u), .. Number(1ul << 60), .. new byte[40]], "length of metadata value 'k'");
        Refused([.. Head(3, 0, 1), .. Text("k"), .. Number(7u), 2, .. new byte[40]], "truth value");
        Refused([.. Head(3, 0, 1), .. Number(2ul), 0xC3, 0x28, .. new byte[40]], "not UTF-8");
        byte[] twice = [.. Text("k"), .. Number(7u), 1];
        Refused([.. Head(3, 0, 2), .. twice, .. twice, .. new byte[40]], "'k' twice");
        foreach ((byte[] value, string shown) in new[] { (Number(0u), "0"), (Number(3u), "3"), (Number(1u << 31), "2147483648") })
        {
            Refused([.. Head(3, 0, 1), .. Text("general.alignment"), .. Number(4u), .. value, .. new byte[40]], $"general.alignment is {shown}");
        }
        Refused([.. Head(3, 0, 1), .. Text("general.alignment"), .. Number(10u), .. Number(32ul), .. new byte[40]], "(UInt64)");
    }

    [Fact]
    public void Hostile_tensors_are_refused()
    {
        Refused([.. Head(3, 1, 0), .. Info("t", 0, 0)], "0 dimensions");
        Refused([.. Head(3, 1, 0), .. Info("t", 0, 0, 1, 1, 1, 1, 1)], "5 dimensions");
        Refused([.. Head(3, 1, 0), .. Info("t", 0, 0, 1ul << 40, 1ul << 40)], "more than 9223372036854775807");
        Refused([.. Head(3, 1, 0), .. Info("t", 0, 0, ulong.MaxValue)], "more than 9223372036854775807");
        Refused([.. Head(3, 1, 0), .. Info("t", 0, 0, 1ul << 62)], "bytes");
        Refused([.. Head(3, 1, 0), .. Info("t", 5, 0, 32)], "type 5");
        Refused([.. Head(3, 1, 0), .. Info("t", uint.MaxValue, 0, 32)], "type 4294967295");
        Refused([.. Head(3, 1, 0), .. Info("t", 8, 0, 33)], "multiple of 32");
        Refused([.. Head(3, 1, 0), .. Info("t", 0, 5, 4)], "offset 5");
        Refused([.. Head(3, 1, 0), .. Info("t", 0, 32, 40), .. new byte[150]], "cut off");
        Refused([.. Head(3, 1, 0), .. Info("t", 0, ulong.MaxValue - 31, 4), .. new byte[150]], "offset");
        Refused([.. Head(3, 2, 0), .. Info("t", 0, 0, 4), .. Info("t", 0, 32, 4), .. new byte[150]], "t occurs twice");
        Refused([.. Head(3, 2, 0), .. Info("a", 0, 0, 9), .. Info("b", 0, 32, 4), .. new byte[150]], "a and b share bytes");
    }

    [Fact]
    public void A_type_that_is_not_built_is_named_when_it_is_read()
    {
        byte[] head = [.. Head(3, 1, 0), .. Info("t", 16, 0, 256)];
        File.WriteAllBytes(Path, [.. head, .. new byte[200]]);
        using GgufFile file = GgufFile.Open(Path);
        Assert.Equal(66, file.Tensors[0].ByteLength);
        Assert.Contains("IQ2_XXS", Assert.Throws<NotSupportedException>(() => file.ReadSingle(file.Tensors[0], 0, new float[256])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x8F5C28F5C28F5C29)]
    public void Mutated_files_are_read_or_refused(ulong seed)
    {
        Write(32);
        byte[] good = File.ReadAllBytes(Path);
        int refused = 0;
        for (int round = 0; round < 6_000; round++)
        {
            byte[] bad = [.. good];
            for (int i = (int)(Next(ref seed) % 8); i >= 0; i--)
            {
                int at = (int)(Next(ref seed) % (ulong)bad.Length);
                bad[at] = (Next(ref seed) % 3) switch { 0 => (byte)Next(ref seed), 1 => (byte)(bad[at] ^ (1 << (int)(Next(ref seed) % 8))), _ => 0xFF };
            }
            bad = Next(ref seed) % 8 == 0 ? bad[..(int)(Next(ref seed) % (ulong)bad.Length)] : bad;
            File.WriteAllBytes(Path, bad);
            try
            {
                using GgufFile file = GgufFile.Open(Path);
                foreach (GgufTensor tensor in file.Tensors.Where(t => t.Format is not null && t.Count > 0))
                {
                    file.ReadSingle(tensor, 0, new float[tensor.Count]);
                }
            }
            catch (BadFileException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 300, 5_999);
    }

    private void Refused(byte[] bytes, string message)
    {
        File.WriteAllBytes(Path, bytes);
        string found = Assert.Throws<BadFileException>(() => GgufFile.Open(Path)).Message;
        Assert.Contains(message, found, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', found);
    }

    private void Write(int alignment) => GgufWriter.Write(Path, Metadata(alignment),
    [
        new("one", 0, [3], to => to.Write(new byte[12])),
        new("two.weight", 1, [3, 2], to =>
        {
            foreach (float value in (float[])[0, 1, 2, 3, 4, 5])
            {
                to.Write(BitConverter.GetBytes((Half)value));
            }
        }),
        new("blocks", 8, [32, 2], to => to.Write(new byte[68])),
        new("empty", 0, [0], _ => { }),
    ]);

    private static List<KeyValuePair<string, GgufValue>> Metadata(int alignment) => [.. new (string Key, object Value)[]
    {
        ("general.architecture", "llama"), ("general.alignment", (uint)alignment), ("u8", (byte)200), ("i8", (sbyte)-100), ("u16", (ushort)60_000), ("i16", (short)-30_000),
        ("u32", 4_000_000_000), ("i32", -2_000_000_000), ("f32", 0.1f), ("yes", true), ("no", false), ("text", "naïve 🚀\nend"), ("none", ""), ("u64", ulong.MaxValue),
        ("i64", long.MinValue), ("f64", 0.1), ("u8s", new byte[] { 1, 2 }), ("i8s", new sbyte[] { -1 }), ("u16s", new ushort[] { 1 }), ("i16s", new short[] { -1 }),
        ("u32s", new uint[] { 1 }), ("i32s", new[] { 1, -2, 3 }), ("f32s", new[] { 0.5f }), ("bools", new[] { true, false }), ("texts", new[] { "a", "", "été" }),
        ("u64s", new ulong[] { 1 }), ("i64s", new long[] { -1 }), ("f64s", new[] { 0.25 }), ("nothing", Array.Empty<float>()),
    }.Select(v => KeyValuePair.Create(v.Key, v.Value is Array array ? GgufValue.OfArray(array) : GgufValue.Of(v.Value)))];

    private static byte[] Head(uint version, ulong tensors, ulong values) => [.. "GGUF"u8, .. Number(version), .. Number(tensors), .. Number(values)];

    private static byte[] Info(string name, uint type, ulong offset, params ulong[] extents) =>
        [.. Text(name), .. Number((uint)extents.Length), .. extents.SelectMany(Number), .. Number(type), .. Number(offset)];

    private static byte[] Text(string text) => [.. Number((ulong)Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    private static byte[] Number(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    private static byte[] Number(ulong value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes;
    }

    private static ulong Next(ref ulong state)
    {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state;
    }
}
