using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <content>The limit of integer products.</content>
public static unsafe partial class Limits
{
    /// <summary>How integer products are computed here: <c>AvxVnni</c>, <c>Avx2</c> or <c>Scalar</c>.</summary>
    public static string IntegerPath => IntegerVariants.Current.ToString();

    /// <summary>The rate of 8-bit products summed up to 32 bits on registers alone, in GOP/s (a product and a sum are two operations).</summary>
    /// <param name="threads">Threads that work together, at least 1.</param>
    /// <returns>The best of rounds that take about 0.3 seconds together, with the instructions that the products use.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 1 or more than 256 threads.</exception>
    public static double IntegerGops(int threads)
    {
        using Team team = new(threads);
        IntegerJob job = new() { Variant = IntegerVariants.Current, Steps = 20_000 };
        double best = 0;
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < Seconds)
        {
            int chunks = 32 * threads;
            long begin = Stopwatch.GetTimestamp();
            team.Run(ref job, chunks);
            double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            double operations = 2.0 * chunks * job.Steps * IntegerJob.Chains * (job.Variant == IntegerVariant.Scalar ? 1 : Vector256<byte>.Count);
            best = Math.Max(best, operations / seconds / 1e9);
        }
        return best;
    }

    private struct IntegerJob : IJob
    {
        public const int Chains = 8;

        public IntegerVariant Variant;
        public int Steps;
        public int Sink;

        public void Execute(int chunk)
        {
            int sum = Variant switch
            {
                IntegerVariant.AvxVnni => Run<VnniDot>(chunk, Steps),
                IntegerVariant.Avx2 => Run<PairDot>(chunk, Steps),
                _ => RunScalar(chunk, Steps),
            };
            if (sum == int.MinValue)
            {
                // Hardly ever so; but the JIT cannot know, and keeps the loop.
                Sink = sum;
            }
        }

        private static int Run<TDot>(int chunk, int steps)
            where TDot : struct, IIntegerDot
        {
            Vector256<byte> codes = Vector256.Create((byte)(chunk % 16));
            Vector256<int> x = Vector256.Create(0x01020304), y = x + x, z = y + x, w = z + x;
            Vector256<int> a, b, c, d, e, f, g, h;
            a = b = c = d = e = f = g = h = Vector256<int>.Zero;
            for (int step = 0; step < steps; step++)
            {
                // Codes that change keep the products in the loop; 8 chains cover the latency of two units.
                codes += Vector256<byte>.One;
                a = TDot.Add(a, codes, x);
                b = TDot.Add(b, codes, y);
                c = TDot.Add(c, codes, z);
                d = TDot.Add(d, codes, w);
                Vector256<byte> others = codes ^ Vector256.Create((byte)1);
                e = TDot.Add(e, others, x);
                f = TDot.Add(f, others, y);
                g = TDot.Add(g, others, z);
                h = TDot.Add(h, others, w);
            }
            return Vector256.Sum(a + b + c + d + e + f + g + h);
        }

        private static int RunScalar(int chunk, int steps)
        {
            int x = chunk % 16;
            int a, b, c, d, e, f, g, h;
            a = b = c = d = e = f = g = h = 1;
            for (int step = 0; step < steps; step++)
            {
                a += (byte)step * x;
                b += (byte)step * a;
                c += (byte)step * (x ^ a);
                d += (byte)step * b;
                e += (byte)step * c;
                f += (byte)step * d;
                g += (byte)step * e;
                h += (byte)step * f;
            }
            return a + b + c + d + e + f + g + h;
        }
    }
}
