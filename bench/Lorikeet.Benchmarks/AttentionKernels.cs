using BenchmarkDotNet.Attributes;
using Lorikeet.Kernels;

namespace Lorikeet.Benchmarks;

/// <summary>Attention as training runs it: one sequence over itself, forward and backward.</summary>
public class AttentionKernels
{
    private float[] q = [], k = [], v = [], y = [], dy = [], dq = [], dk = [], dv = [], logSumExp = [];
    private AttentionShape shape;
    private AttentionSequence[] sequences = [];

    /// <summary>The sizes.</summary>
    [ParamsSource(nameof(Sizes))]
    public AttentionSize Size { get; set; } = new(1, 0, 1, 1, 1, "");

    /// <summary>A prompt of S, one of M, one of odd length.</summary>
    public static IEnumerable<AttentionSize> Sizes =>
        [new(256, 0, 9, 3, 64, "S"), new(512, 0, 32, 4, 64, "M"), new(77, 0, 6, 2, 40, "odd")];

    /// <summary>Fills the inputs and runs the forward once, whose results the backward reads.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        int query = Size.Rows * Size.Heads * Size.HeadDim, key = Size.Rows * Size.KeyHeads * Size.HeadDim;
        shape = new AttentionShape(Size.Heads, Size.KeyHeads, Size.HeadDim, 1f / MathF.Sqrt(Size.HeadDim));
        sequences = [new AttentionSequence { Rows = Size.Rows }];
        (q, y, dy, dq) = (DenseProducts.Fill(query), new float[query], DenseProducts.Fill(query), new float[query]);
        (k, v, dk, dv) = (DenseProducts.Fill(key), DenseProducts.Fill(key), new float[key], new float[key]);
        logSumExp = new float[Size.Rows * Size.Heads];
        Forward();
    }

    /// <summary>y, and the logarithms that the backward reads.</summary>
    [Benchmark]
    public void Forward() => Attention.Forward(shape, sequences, q, k, v, y, logSumExp);

    /// <summary>dq, dk and dv: two and a half times the forward's operations, counted here as the forward's.</summary>
    [Benchmark]
    public void Backward() => Attention.Backward(shape, sequences, q, k, v, y, logSumExp, dy, dq, dk, dv);
}
