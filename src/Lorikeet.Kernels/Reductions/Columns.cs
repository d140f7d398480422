using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>One step of a sum down a column.</summary>
internal interface IColumnStep
{
    T Step<T>(T sum, T x, T y, nint row)
        where T : unmanaged, ILanes<T>;
}

internal readonly struct SumColumnStep : IColumnStep
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Step<T>(T sum, T x, T y, nint row)
        where T : unmanaged, ILanes<T> => sum + x;
}

internal readonly struct DotColumnStep : IColumnStep
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Step<T>(T sum, T x, T y, nint row)
        where T : unmanaged, ILanes<T> => T.MultiplyAdd(x, y, sum);
}

/// <summary>Sums down the columns of [rows, width] matrices: one chain over ascending rows for each column; strips of columns are divided
/// over the team.</summary>
internal static unsafe class Columns
{
    private const int Strip = 64;

    public static void Run<TStep>(TStep step, float* x, float* y, int rows, int width, float* to, bool accumulate)
        where TStep : unmanaged, IColumnStep
    {
        ColumnJob<TStep> job = new() { Step = step, X = x, Y = y, Rows = rows, Width = width, To = to, Accumulate = accumulate };
        int strips = (width + Strip - 1) / Strip;
        if ((long)rows * width <= 20_000)
        {
            for (int i = 0; i < strips; i++)
            {
                job.Execute(i);
            }
            return;
        }
        Team.Shared.Run(ref job, strips);
    }

    private struct ColumnJob<TStep> : IJob
        where TStep : unmanaged, IColumnStep
    {
        public TStep Step;
        public float* X;
        public float* Y;
        public int Rows;
        public int Width;
        public float* To;
        public bool Accumulate;

        public readonly void Execute(int chunk)
        {
            int c = chunk * Strip;
            int end = Math.Min(Width, c + Strip);
            if (KernelPath.UseAvx2)
            {
                for (; c <= end - 32; c += 32)
                {
                    Wide32(c);
                }
                for (; c < end; c += 8)
                {
                    Wide8(c, Math.Min(8, end - c));
                }
            }
            for (; c < end; c++)
            {
                One sum = Accumulate ? new One(To[c]) : default;
                for (nint i = 0; i < Rows; i++)
                {
                    sum = Step.Step(sum, new One(X[(i * Width) + c]), new One(Y[(i * Width) + c]), i);
                }
                To[c] = sum.Value;
            }
        }

        private readonly void Wide32(int column)
        {
            float* to = To + column;
            TStep step = Step;
            nint width = Width;
            nint rows = Rows;
            Eight a = Accumulate ? Eight.Load(to) : default;
            Eight b = Accumulate ? Eight.Load(to + 8) : default;
            Eight c = Accumulate ? Eight.Load(to + 16) : default;
            Eight d = Accumulate ? Eight.Load(to + 24) : default;
            float* x = X + column;
            float* y = Y + column;
            for (nint i = 0; i < rows; i++, x += width, y += width)
            {
                a = step.Step(a, Eight.Load(x), Eight.Load(y), i);
                b = step.Step(b, Eight.Load(x + 8), Eight.Load(y + 8), i);
                c = step.Step(c, Eight.Load(x + 16), Eight.Load(y + 16), i);
                d = step.Step(d, Eight.Load(x + 24), Eight.Load(y + 24), i);
            }
            Eight.Store(a, to);
            Eight.Store(b, to + 8);
            Eight.Store(c, to + 16);
            Eight.Store(d, to + 24);
        }

        private readonly void Wide8(int column, int lanes)
        {
            Vector256<float> mask = Eight.FirstLanes(lanes);
            Eight sum = Accumulate ? new Eight(Avx.MaskLoad(To + column, mask)) : default;
            float* x = X + column;
            float* y = Y + column;
            for (nint i = 0; i < Rows; i++, x += Width, y += Width)
            {
                sum = Step.Step(sum, new Eight(Avx.MaskLoad(x, mask)), new Eight(Avx.MaskLoad(y, mask)), i);
            }
            Avx.MaskStore(To + column, mask, sum.Value);
        }
    }
}
