using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Measures what this machine can do at most, now: the figures that speeds are quoted against.</summary>
/// <remarks>Virtual machines change from minute to minute: measure in the run whose speed is to be judged.</remarks>
public static unsafe partial class Limits
{
    private const double Seconds = 0.3;

    /// <summary>The rate of float32 fused multiply-adds on registers alone, in GFLOP/s (two operations each), with the vectors of the variant in use.</summary>
    /// <param name="threads">Threads that work together, at least 1.</param>
    /// <returns>The best of rounds that take about 0.3 seconds together.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 1 or more than 256 threads.</exception>
    public static double FmaGflops(int threads) => FmaGflops(threads, KernelPath.Current);

    /// <summary>The same with the vectors of a variant: of 512 bits, 256 bits or single numbers.</summary>
    /// <param name="threads">Threads that work together, at least 1.</param>
    /// <param name="variant">One of <see cref="KernelPath.Available"/>.</param>
    /// <returns>The best of rounds that take about 0.3 seconds together.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 1 or more than 256 threads.</exception>
    /// <exception cref="PlatformNotSupportedException">This machine cannot run the variant.</exception>
    public static double FmaGflops(int threads, KernelVariant variant)
    {
        if (!KernelPath.Available.Contains(variant))
        {
            throw new PlatformNotSupportedException($"limits: this machine runs {string.Join(", ", KernelPath.Available)}, not {variant}");
        }
        using Team team = new(threads);
        FmaJob job = new() { Variant = variant, Steps = 20_000 };
        double best = 0;
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < Seconds)
        {
            // Several chunks for each thread: a helper that wakes late or a core that is slower takes fewer.
            int chunks = 32 * threads;
            long begin = Stopwatch.GetTimestamp();
            team.Run(ref job, chunks);
            double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            double operations = 2.0 * chunks * job.Steps * FmaJob.Chains * FmaJob.Lanes(variant);
            best = Math.Max(best, operations / seconds / 1e9);
        }
        return best;
    }

    /// <summary>The rate of reading memory that no cache holds (256 MB, straight through), in GB/s.</summary>
    /// <param name="threads">Threads that work together, at least 1.</param>
    /// <returns>The best of passes that take about 0.3 seconds together, after one that touches the pages.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 1 or more than 256 threads.</exception>
    public static double ReadGigabytesPerSecond(int threads)
    {
        const int Bytes = 256 << 20;
        using Team team = new(threads);
        byte* memory = (byte*)NativeMemory.AlignedAlloc(Bytes, 4096);
        try
        {
            new Span<byte>(memory, Bytes).Fill(1);
            ReadJob job = new() { Memory = memory };
            double best = 0;
            long start = Stopwatch.GetTimestamp();
            while (best == 0 || Stopwatch.GetElapsedTime(start).TotalSeconds < Seconds)
            {
                long begin = Stopwatch.GetTimestamp();
                team.Run(ref job, Bytes / ReadJob.ChunkBytes);
                best = Math.Max(best, Bytes / Stopwatch.GetElapsedTime(begin).TotalSeconds / 1e9);
            }
            return best;
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    private struct FmaJob : IJob
    {
        public const int Chains = 12;

        public KernelVariant Variant;
        public int Steps;
        public float Sink;

        public void Execute(int chunk)
        {
            float sum = Variant switch
            {
                KernelVariant.Avx512 => RunWidest(chunk, Steps),
                KernelVariant.Avx2 => RunWide(chunk, Steps),
                _ => RunScalar(chunk, Steps),
            };
            if (sum == float.MinValue)
            {
                // Never so; but the JIT cannot know, and keeps the loop.
                Sink = sum;
            }
        }

        public static int Lanes(KernelVariant variant) => variant switch
        {
            KernelVariant.Avx512 => Vector512<float>.Count,
            KernelVariant.Avx2 => Vector256<float>.Count,
            _ => 1,
        };

        private static float RunWidest(int chunk, int steps)
        {
            Vector512<float> factor = Vector512.Create(0.5f + chunk * 1e-6f);
            Vector512<float> term = Vector512.Create(0.25f);
            Vector512<float> a, b, c, d, e, f, g, h, i, j, k, l;
            a = b = c = d = e = f = g = h = i = j = k = l = term;
            for (int step = 0; step < steps; step++)
            {
                a = Avx512F.FusedMultiplyAdd(a, factor, term);
                b = Avx512F.FusedMultiplyAdd(b, factor, term);
                c = Avx512F.FusedMultiplyAdd(c, factor, term);
                d = Avx512F.FusedMultiplyAdd(d, factor, term);
                e = Avx512F.FusedMultiplyAdd(e, factor, term);
                f = Avx512F.FusedMultiplyAdd(f, factor, term);
                g = Avx512F.FusedMultiplyAdd(g, factor, term);
                h = Avx512F.FusedMultiplyAdd(h, factor, term);
                i = Avx512F.FusedMultiplyAdd(i, factor, term);
                j = Avx512F.FusedMultiplyAdd(j, factor, term);
                k = Avx512F.FusedMultiplyAdd(k, factor, term);
                l = Avx512F.FusedMultiplyAdd(l, factor, term);
            }
            return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
        }

        private static float RunWide(int chunk, int steps)
        {
            Vector256<float> factor = Vector256.Create(0.5f + chunk * 1e-6f);
            Vector256<float> term = Vector256.Create(0.25f);
            Vector256<float> a, b, c, d, e, f, g, h, i, j, k, l;
            a = b = c = d = e = f = g = h = i = j = k = l = term;
            for (int step = 0; step < steps; step++)
            {
                a = Fma.MultiplyAdd(a, factor, term);
                b = Fma.MultiplyAdd(b, factor, term);
                c = Fma.MultiplyAdd(c, factor, term);
                d = Fma.MultiplyAdd(d, factor, term);
                e = Fma.MultiplyAdd(e, factor, term);
                f = Fma.MultiplyAdd(f, factor, term);
                g = Fma.MultiplyAdd(g, factor, term);
                h = Fma.MultiplyAdd(h, factor, term);
                i = Fma.MultiplyAdd(i, factor, term);
                j = Fma.MultiplyAdd(j, factor, term);
                k = Fma.MultiplyAdd(k, factor, term);
                l = Fma.MultiplyAdd(l, factor, term);
            }
            return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
        }

        private static float RunScalar(int chunk, int steps)
        {
            float factor = 0.5f + chunk * 1e-6f;
            float a, b, c, d, e, f, g, h, i, j, k, l;
            a = b = c = d = e = f = g = h = i = j = k = l = 0.25f;
            for (int step = 0; step < steps; step++)
            {
                a = a * factor + 0.25f;
                b = b * factor + 0.25f;
                c = c * factor + 0.25f;
                d = d * factor + 0.25f;
                e = e * factor + 0.25f;
                f = f * factor + 0.25f;
                g = g * factor + 0.25f;
                h = h * factor + 0.25f;
                i = i * factor + 0.25f;
                j = j * factor + 0.25f;
                k = k * factor + 0.25f;
                l = l * factor + 0.25f;
            }
            return a + b + c + d + e + f + g + h + i + j + k + l;
        }
    }

    private struct ReadJob : IJob
    {
        public const int ChunkBytes = 1 << 20;

        public byte* Memory;
        public long Sink;

        public void Execute(int chunk)
        {
            byte* from = Memory + (long)chunk * ChunkBytes;
            Vector256<long> a = Vector256<long>.Zero;
            Vector256<long> b = a;
            Vector256<long> c = a;
            Vector256<long> d = a;
            for (int i = 0; i < ChunkBytes; i += 128)
            {
                a ^= Vector256.Load((long*)(from + i));
                b ^= Vector256.Load((long*)(from + i + 32));
                c ^= Vector256.Load((long*)(from + i + 64));
                d ^= Vector256.Load((long*)(from + i + 96));
            }
            long sum = Vector256.Sum(a ^ b ^ c ^ d);
            if (sum == long.MinValue)
            {
                // Never so; but the JIT cannot know, and keeps the loop.
                Sink = sum;
            }
        }
    }
}
