using System.Globalization;
using Lorikeet.Testing;

namespace Lorikeet.Tensors.Tests;

/// <summary>The random numbers are what docs/random-numbers.md says, to the bit.</summary>
public sealed class CounterRandomTests
{
    [Fact]
    public void Blocks_are_the_published_known_answers()
    {
        List<string[]> rows = Table("Blocks");
        Assert.Equal(3, rows.Count);
        foreach (string[] row in rows)
        {
            uint[] counter = Words(row[0]), key = Words(row[1]);
            uint[] block = new uint[4];
            new CounterRandom(Join(key[0], key[1]), Join(counter[2], counter[3])).Block(Join(counter[0], counter[1]), block);
            Assert.Equal(Words(row[2]), block);
        }
    }

    [Fact]
    public void Named_streams_are_the_documented_ones()
    {
        List<string[]> rows = Table("Names");
        Assert.Equal(4, rows.Count);
        foreach (string[] row in rows)
        {
            Assert.Equal(Hex(row[2]), new CounterRandom(5, Hex(row[0])).Named(row[1]).StreamId);
            Assert.Equal(5UL, new CounterRandom(5, Hex(row[0])).Named(row[1]).Seed);
        }
        string longName = new('x', 1000);
        Assert.NotEqual(new CounterRandom(1).Named(longName), new CounterRandom(1).Named(longName + "y"));
    }

    [Fact]
    public void Words_and_numbers_are_the_documented_ones()
    {
        List<string[]> rows = Table("Words and numbers");
        Assert.Equal(8, rows.Count);
        foreach (string[] row in rows)
        {
            CounterRandom random = new(Hex(row[0]), Hex(row[1]));
            ulong index = ulong.Parse(row[2]);
            Assert.Equal((uint)Hex(row[3]), random.Bits(index));
            Assert.Equal((uint)Hex(row[4]), BitConverter.SingleToUInt32Bits(random.Uniform(index)));
            Assert.Equal(int.Parse(row[5]), random.Integer(index, 1000));
        }
    }

    [Fact]
    public void Uniform_numbers_are_the_documented_ones_wherever_they_are_filled()
    {
        List<string[]> rows = Table("Uniform");
        Assert.Equal(6, rows.Count);
        float[] many = new float[100];
        foreach (string[] row in rows)
        {
            CounterRandom random = new(Hex(row[0]), Hex(row[1]));
            ulong index = ulong.Parse(row[2]);
            foreach (ulong before in (ulong[])[0, 1, 37])
            {
                if (before <= index)
                {
                    random.FillUniform(many, Float(row[3]), Float(row[4]), index - before);
                    Assert.Equal((uint)Hex(row[5]), BitConverter.SingleToUInt32Bits(many[before]));
                }
            }
        }
    }

    [Fact]
    public void Normal_numbers_are_the_documented_ones()
    {
        List<string[]> rows = Table("Normal");
        Assert.Equal(3, rows.Count);
        float[] two = new float[2];
        foreach (string[] row in rows)
        {
            new CounterRandom(Hex(row[0]), Hex(row[1])).FillNormal(two, Float(row[3]), ulong.Parse(row[2]));
            Assert.Equal(Float(row[4]), two[0], 1e-6f * MathF.Abs(two[0]));
        }
    }

    [Fact]
    public void Every_length_from_every_start_gives_the_bits_of_each_number_alone()
    {
        CounterRandom random = new(0xDEADBEEFCAFE, 77);
        // The lower half of the block's number overflows in the middle of the second group.
        foreach (ulong start in (ulong[])[0, 1, 2, 3, 5, (1UL << 34) - 90, ulong.MaxValue - 400])
        {
            for (int length = 0; length < 140; length++)
            {
                float[] found = new float[length];
                random.FillUniform(found, -0.3f, 0.7f, start);
                for (int i = 0; i < length; i++)
                {
                    float expected = MathF.FusedMultiplyAdd(random.Uniform(start + (ulong)i), 0.7f - -0.3f, -0.3f);
                    Assert.Equal(BitConverter.SingleToUInt32Bits(expected), BitConverter.SingleToUInt32Bits(found[i]));
                }
            }
        }
    }

    [Fact]
    public void Normals_depend_on_their_place_alone()
    {
        CounterRandom random = new(9, 4);
        float[] all = new float[9_000], part = new float[61];
        random.FillNormal(all, 0.5f);
        foreach (int start in (int[])[0, 1, 2, 17, 2047, 4100, 8_900])
        {
            random.FillNormal(part, 0.5f, (ulong)start);
            Assert.Equal(all[start..(start + part.Length)], part);
        }
    }

    [Fact]
    public void Moments_are_those_of_the_distributions()
    {
        const int Count = 400_000;
        float[] values = new float[Count];
        CounterRandom random = new(2024, 1);
        random.FillUniform(values, 2f, 5f);
        Assert.All(values, v => Assert.InRange(v, 2f, 5f));
        CheckMoments(values, 3.5, Math.Sqrt(9.0 / 12), 1.8);
        random.FillNormal(values, 2f);
        CheckMoments(values, 0, 2, 3);
        Span<int> seen = stackalloc int[7];
        for (int i = 0; i < 70_000; i++)
        {
            seen[random.Integer((ulong)i, 7)]++;
        }
        foreach (int times in seen)
        {
            Assert.InRange(times, 9_600, 10_400);
        }
    }

    [Fact]
    public void Neighbours_and_streams_are_unrelated()
    {
        const int Count = 100_000;
        float[] a = new float[Count + 1], b = new float[Count + 1];
        new CounterRandom(1, 0).FillUniform(a, -1f, 1f);
        new CounterRandom(1, 1).FillUniform(b, -1f, 1f);
        double neighbours = 0, streams = 0;
        for (int i = 0; i < Count; i++)
        {
            neighbours += a[i] * a[i + 1];
            streams += a[i] * b[i];
        }
        // Five deviations of a mean of products of variance 1/9.
        double limit = 5 / 3.0 / Math.Sqrt(Count);
        Assert.InRange(neighbours / Count, -limit, limit);
        Assert.InRange(streams / Count, -limit, limit);
    }

    private static void CheckMoments(float[] values, double mean, double deviation, double kurtosis)
    {
        double m = values.Average(v => (double)v), n = values.Length;
        double second = values.Sum(v => Math.Pow(v - m, 2)) / n, third = values.Sum(v => Math.Pow(v - m, 3)) / n, fourth = values.Sum(v => Math.Pow(v - m, 4)) / n;
        Assert.Equal(mean, m, 5 * deviation / Math.Sqrt(n));
        Assert.Equal(deviation, Math.Sqrt(second), deviation * 0.01);
        Assert.Equal(0, third / Math.Pow(second, 1.5), 0.02);
        Assert.Equal(kurtosis, fourth / (second * second), 0.05);
    }

    /// <summary>The cells of the table below a heading of the page.</summary>
    private static List<string[]> Table(string heading)
    {
        string[] lines = File.ReadAllLines(Path.Combine(SharedFiles.Repository, "docs", "random-numbers.md"));
        int at = Array.IndexOf(lines, "### " + heading);
        Assert.True(at >= 0, $"docs/random-numbers.md has no heading '{heading}'");
        return [.. lines.Skip(at + 1).SkipWhile(l => l.Length == 0).TakeWhile(l => l.StartsWith('|')).Skip(2)
            .Select(l => l.Trim('|', ' ').Split('|', StringSplitOptions.TrimEntries))];
    }

    private static uint[] Words(string cell) => [.. cell.Split(' ').Select(w => (uint)Hex(w))];

    private static ulong Hex(string cell) => ulong.Parse(cell, NumberStyles.HexNumber);

    private static float Float(string cell) => float.Parse(cell);

    private static ulong Join(uint low, uint high) => low | ((ulong)high << 32);
}
