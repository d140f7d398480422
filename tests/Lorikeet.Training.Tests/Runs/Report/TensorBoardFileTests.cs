using System.Buffers.Binary;
using System.Text;

namespace Lorikeet.Training.Tests.Runs.Report;

public sealed class TensorBoardFileTests : IDisposable
{
    private readonly string path = Path.Combine(Path.GetTempPath(), $"events.out.tfevents.{Guid.NewGuid():N}");

    [Theory]
    // RFC 3720, B.4: CRC-32C of 32 zeros, 32 ones, 0 to 31, 31 to 0.
    [InlineData("zeros", 0x8a9136aau)]
    [InlineData("ones", 0x62a8ab43u)]
    [InlineData("up", 0x46dd794eu)]
    [InlineData("down", 0x113fdb5cu)]
    public void The_checksum_is_that_of_its_definition(string what, uint crc)
    {
        byte[] bytes = [.. Enumerable.Range(0, 32).Select(i => (byte)(what switch { "zeros" => 0, "ones" => 255, "up" => i, _ => 31 - i }))];
        Assert.Equal(((crc >> 15) | (crc << 17)) + 0xa282ead8, TensorBoardFile.MaskedCrc(bytes));
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        using (TensorBoardFile file = new(path, 1000.5))
        {
            file.Write(1001, 1, ("train/loss", 2.5), ("train/lr", 0.001));
            file.Write(1002, 300, ("eval/loss", float.NaN));
            file.Write(1003, 1L << 40, ("ä", -1));
        }
        List<TensorBoardEvent> events = TensorBoardEvent.ReadAll(path);
        Assert.Equal("brain.Event:2", events[0].Version);
        Assert.Equal(1000.5, events[0].Time);
        Assert.Equal(["train/loss", "train/lr"], events[1].Scalars.Select(s => s.Tag));
        Assert.Equal([2.5f, 0.001f], events[1].Scalars.Select(s => s.Value));
        Assert.Equal([0L, 1, 300, 1L << 40], events.Select(e => e.Step));
        Assert.True(float.IsNaN(events[2].Scalars[0].Value));
        Assert.Equal(("ä", -1f), events[3].Scalars[0]);
    }

    public void Dispose() => File.Delete(path);
}

/// <summary>A record of an event file, parsed by hand from the format's definition.</summary>
internal sealed record TensorBoardEvent(double Time, long Step, string Version, List<(string Tag, float Value)> Scalars)
{
    public static List<TensorBoardEvent> ReadAll(string path)
    {
        ReadOnlySpan<byte> rest = File.ReadAllBytes(path);
        List<TensorBoardEvent> events = [];
        while (rest.Length > 0)
        {
            int length = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(rest));
            Assert.Equal(Mask(rest[..8]), BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]));
            ReadOnlySpan<byte> content = rest.Slice(12, length);
            Assert.Equal(Mask(content), BinaryPrimitives.ReadUInt32LittleEndian(rest[(12 + length)..]));
            events.Add(Event(content));
            rest = rest[(16 + length)..];
        }
        return events;
    }

    private static TensorBoardEvent Event(ReadOnlySpan<byte> content)
    {
        double time = 0;
        long step = 0;
        string version = "";
        List<(string, float)> scalars = [];
        while (content.Length > 0)
        {
            switch (Varint(ref content))
            {
                case 9: time = BinaryPrimitives.ReadDoubleLittleEndian(Take(ref content, 8)); break;
                case 16: step = (long)Varint(ref content); break;
                case 26: version = Encoding.UTF8.GetString(Take(ref content, (int)Varint(ref content))); break;
                case 42:
                    ReadOnlySpan<byte> summary = Take(ref content, (int)Varint(ref content));
                    while (summary.Length > 0)
                    {
                        Assert.Equal(10u, Varint(ref summary));
                        scalars.Add(Value(Take(ref summary, (int)Varint(ref summary))));
                    }
                    break;
                case var other: Assert.Fail($"field {other}"); break;
            }
        }
        return new TensorBoardEvent(time, step, version, scalars);
    }

    private static (string, float) Value(ReadOnlySpan<byte> value)
    {
        Assert.Equal(10u, Varint(ref value));
        string tag = Encoding.UTF8.GetString(Take(ref value, (int)Varint(ref value)));
        Assert.Equal(21u, Varint(ref value));
        return (tag, BinaryPrimitives.ReadSingleLittleEndian(Take(ref value, 4)));
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> from, int count)
    {
        ReadOnlySpan<byte> taken = from[..count];
        from = from[count..];
        return taken;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> from)
    {
        ulong number = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte b = Take(ref from, 1)[0];
            number |= (ulong)(b & 0x7f) << shift;
            if (b < 0x80)
            {
                return number;
            }
        }
    }

    // Bit by bit, independent of the product's.
    private static uint Mask(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0x82f63b78);
            }
        }
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
    }
}
