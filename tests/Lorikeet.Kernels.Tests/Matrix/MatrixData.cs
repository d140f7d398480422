using System.Runtime.InteropServices;

namespace Lorikeet.Kernels.Tests;

/// <summary>Seeded numbers, packed matrices, comparisons by bits, and the variants and team sizes every test runs through.</summary>
internal static class MatrixData
{
    public static readonly ElementType[] Types = [ElementType.F32, ElementType.BF16, ElementType.F16];

    public static IReadOnlyList<KernelVariant> Variants => KernelPath.Available;

    /// <summary>Numbers in [-1, 1) from SplitMix64.</summary>
    public static float[] Numbers(int count, int seed)
    {
        float[] numbers = new float[count];
        ulong state = (ulong)seed * 0x9E3779B97F4A7C15;
        for (int i = 0; i < count; i++)
        {
            state += 0x9E3779B97F4A7C15;
            ulong z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            numbers[i] = (int)((z ^ (z >> 31)) >> 40) / (float)(1 << 23) - 1f;
        }
        return numbers;
    }

    public static byte[] Pack(float[] rows, int outputs, int inputs, ElementType type)
    {
        byte[] packed = new byte[PackedMatrix.ByteLength(outputs, inputs, type)];
        PackedMatrix.Pack(MemoryMarshal.AsBytes<float>(rows), ElementType.F32, outputs, inputs, packed, type);
        return packed;
    }

    /// <summary>The matrix as the kernels see it: rounded to its element type.</summary>
    public static float[] Rounded(float[] values, ElementType type)
    {
        byte[] stored = new byte[values.Length * type.Size()];
        float[] rounded = new float[values.Length];
        Casting.FromSingle(values, type, stored);
        Casting.ToSingle(stored, type, rounded);
        return rounded;
    }

    public static void SameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToUInt32Bits(expected[i]) != BitConverter.SingleToUInt32Bits(actual[i]))
            {
                Assert.Fail($"{what}: element {i} is {actual[i]:R}, expected {expected[i]:R} bit for bit");
            }
        }
    }

    /// <summary>Compares with a double oracle; the tolerance is relative to the sum of the terms' magnitudes.</summary>
    public static void Near(double expected, double magnitude, float actual, string what) =>
        Assert.True(Math.Abs(expected - actual) <= 1e-6 * magnitude + 1e-30, $"{what}: {actual:R}, expected {expected:R}");

    /// <summary>Runs a test's body with teams of 1, 2 and 3 threads.</summary>
    public static void EachTeam(Action<int> body)
    {
        int before = Team.Shared.Threads;
        try
        {
            foreach (int threads in new[] { 1, 2, 3 })
            {
                Team.Use(threads);
                body(threads);
            }
        }
        finally
        {
            Team.Use(before);
        }
    }
}

/// <summary>Tests that replace the process's team run one after the other.</summary>
[CollectionDefinition("team", DisableParallelization = true)]
public sealed class TeamCollectionDefinition;
