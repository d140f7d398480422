using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

/// <summary>Checks spans, and divides a <see cref="Map"/> over the team where it is long enough to pay.</summary>
internal static unsafe class MapTeam
{
    /// <summary>Elements below which waking the helpers costs more than they save: about 10 microseconds of the cheapest operator.</summary>
    private const int Worthwhile = 16_384;

    /// <summary>Elements of one chunk: few enough that threads end at about the same time.</summary>
    private const int Grain = 4_096;

    public static void Unary<TOperator>(TOperator op, ReadOnlySpan<float> x, Span<float> to, [CallerMemberName] string? kernel = null)
        where TOperator : unmanaged, IUnary
    {
        RowArguments.Length(to, x.Length, nameof(to), kernel);
        RowArguments.SameOrApart(x, to, nameof(x), kernel);
        fixed (float* px = x, pTo = to)
        {
            UnaryJob<TOperator> job = new() { Operator = op, X = px, To = pTo, Count = x.Length };
            Run(ref job, x.Length);
        }
    }

    public static void Binary<TOperator>(
        TOperator op, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> to, [CallerMemberName] string? kernel = null)
        where TOperator : unmanaged, IBinary
    {
        RowArguments.Length(y, x.Length, nameof(y), kernel);
        RowArguments.Length(to, x.Length, nameof(to), kernel);
        RowArguments.SameOrApart(x, to, nameof(x), kernel);
        RowArguments.SameOrApart(y, to, nameof(y), kernel);
        fixed (float* px = x, py = y, pTo = to)
        {
            BinaryJob<TOperator> job = new() { Operator = op, X = px, Y = py, To = pTo, Count = x.Length };
            Run(ref job, x.Length);
        }
    }

    public static void Ternary<TOperator>(
        TOperator op,
        ReadOnlySpan<float> x,
        ReadOnlySpan<float> y,
        ReadOnlySpan<float> z,
        Span<float> to,
        [CallerMemberName] string? kernel = null)
        where TOperator : unmanaged, ITernary
    {
        RowArguments.Length(y, x.Length, nameof(y), kernel);
        RowArguments.Length(z, x.Length, nameof(z), kernel);
        RowArguments.Length(to, x.Length, nameof(to), kernel);
        RowArguments.SameOrApart(x, to, nameof(x), kernel);
        RowArguments.SameOrApart(y, to, nameof(y), kernel);
        RowArguments.SameOrApart(z, to, nameof(z), kernel);
        fixed (float* px = x, py = y, pz = z, pTo = to)
        {
            TernaryJob<TOperator> job = new() { Operator = op, X = px, Y = py, Z = pz, To = pTo, Count = x.Length };
            Run(ref job, x.Length);
        }
    }

    /// <summary>Runs a job whose chunk c covers the elements from c * <see cref="Grain"/>.</summary>
    public static void Run<TJob>(ref TJob job, int count)
        where TJob : unmanaged, IJob
    {
        int chunks = (int)(((long)count + Grain - 1) / Grain);
        if (count > Worthwhile)
        {
            Team.Shared.Run(ref job, chunks);
            return;
        }
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            job.Execute(chunk);
        }
    }

    /// <summary>Where a chunk starts.</summary>
    public static nint Start(int chunk) => (nint)chunk * Grain;

    /// <summary>How many elements a chunk of <paramref name="count"/> in all covers.</summary>
    public static nint Length(int chunk, nint count) => Math.Min(Grain, count - Start(chunk));

    private struct UnaryJob<TOperator> : IJob
        where TOperator : unmanaged, IUnary
    {
        public TOperator Operator;
        public float* X;
        public float* To;
        public nint Count;

        public readonly void Execute(int chunk)
        {
            nint start = Start(chunk);
            Map.Run(Operator, X + start, To + start, Length(chunk, Count));
        }
    }

    private struct BinaryJob<TOperator> : IJob
        where TOperator : unmanaged, IBinary
    {
        public TOperator Operator;
        public float* X;
        public float* Y;
        public float* To;
        public nint Count;

        public readonly void Execute(int chunk)
        {
            nint start = Start(chunk);
            Map.Run(Operator, X + start, Y + start, To + start, Length(chunk, Count));
        }
    }

    private struct TernaryJob<TOperator> : IJob
        where TOperator : unmanaged, ITernary
    {
        public TOperator Operator;
        public float* X;
        public float* Y;
        public float* Z;
        public float* To;
        public nint Count;

        public readonly void Execute(int chunk)
        {
            nint start = Start(chunk);
            Map.Run(Operator, X + start, Y + start, Z + start, To + start, Length(chunk, Count));
        }
    }
}
