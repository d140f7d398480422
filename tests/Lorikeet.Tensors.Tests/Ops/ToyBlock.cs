using Lorikeet.Kernels;
using Lorikeet.Testing;

namespace Lorikeet.Tensors.Tests;

/// <summary>A small transformer block of the ops, with a low-rank change and residual connections: h = h + o(attention(norm h)); h = h + down(swiglu(norm h)).</summary>
internal static class ToyBlock
{
    public const int Rows = 7;
    public const int Hidden = 6;
    private const int Rank = 2;
    private const int Inner = 10;

    /// <summary>h, norm, q and o weights, A, B, second norm, gate, up and down weights.</summary>
    public static IReadOnlyList<GradientInput> Inputs { get; } =
    [
        GradientInput.Of(Rows, Hidden), GradientInput.Of(Hidden), GradientInput.Of(Hidden, Hidden), GradientInput.Of(Hidden, Hidden),
        GradientInput.Of(Rank, Hidden), GradientInput.Of(Hidden, Rank), GradientInput.Of(Hidden), GradientInput.Of(Inner, Hidden),
        GradientInput.Of(Inner, Hidden), GradientInput.Of(Hidden, Inner),
    ];

    private static readonly AttentionSequence[] Sequences = [new() { Rows = 4 }, new() { Row = 4, Rows = 3 }];

    public static Tensor Forward(Run run, in Tensor h, Parameter[] p)
    {
        Tensor x = RmsNorm.Forward(run, h, run.Use(p[1]), 1e-2f);
        Tensor q = Linear.Forward(run, new Prepared(x), new TrainableWeight(p[2]));
        q = LowRankAdd.Into(run, q, x, run.Use(p[4]), run.Use(p[5]), 0.5f);
        Tensor mixed = CausalAttention.Forward(run, new AttentionShape(2, 2, 3, 0.6f), Sequences, q, x, x);
        Tensor middle = Sum.Into(run, Linear.Forward(run, new Prepared(mixed), new TrainableWeight(p[3])), h);
        x = RmsNorm.Forward(run, middle, run.Use(p[6]), 1e-2f);
        Tensor gate = Linear.Forward(run, new Prepared(x), new TrainableWeight(p[7]));
        Tensor up = Linear.Forward(run, new Prepared(x), new TrainableWeight(p[8]));
        Tensor down = Linear.Forward(run, new Prepared(SwiGlu.Forward(run, gate, up)), new TrainableWeight(p[9]));
        return Sum.Into(run, down, middle);
    }

    public static double[] Oracle(double[][] p)
    {
        double[] x = Tests.Oracle.RmsNorm(p[0], p[1], 1e-2f);
        double[] q = Tests.Oracle.LowRank(Tests.Oracle.Linear(x, p[2], Hidden), x, p[4], p[5], Rank, 0.5);
        double[] mixed = Tests.Oracle.Attention(q, x, x, 2, 2, 3, 0.6f, 0, 4, 3);
        double[] middle = Tests.Oracle.Add(Tests.Oracle.Linear(mixed, p[3], Hidden), p[0]);
        x = Tests.Oracle.RmsNorm(middle, p[6], 1e-2f);
        double[] inner = Tests.Oracle.SwiGlu(Tests.Oracle.Linear(x, p[7], Inner), Tests.Oracle.Linear(x, p[8], Inner));
        return Tests.Oracle.Add(Tests.Oracle.Linear(inner, p[9], Hidden), middle);
    }
}
