using Lorikeet.Kernels;
using Lorikeet.Testing;

namespace Lorikeet.Tensors.Tests;

/// <summary>Every op's forward and every gradient against the formula in float64; adding an op is adding a row.</summary>
public sealed class OpGradientTests
{
    private static readonly CounterRandom Noise = new(11, 5);
    private static readonly int[] Mixed = [0, 4, 2, 0, 3, 3];
    private static readonly int[] Targets = [3, -1, 0, 10, 6, -1, -1, 2];
    private static readonly float[] Weights = [0.25f, 0.5f, 0.125f, 1f, 0.5f, 2f, 1f, 0.75f];

    private static readonly GradientCheck[] Ops =
    [
        .. Enum.GetValues<ActivationKind>().Select(kind => new GradientCheck(
            $"Activation {kind}",
            [new GradientInput(new Shape(5, 13), -2.5, 2.5, 0.05)],
            (run, p) => Activation.Forward(run, run.Use(p[0]), kind),
            x => [.. x[0].Select(v => Oracle.Activate(kind, v))])),
        new("AddRow", [GradientInput.Of(5, 11), GradientInput.Of(11)],
            (run, p) => AddRow.Into(run, Copy(run, p[0]), run.Use(p[1])),
            x => Oracle.AddRow(x[0], x[1])),
        new("AddRow scaled", [GradientInput.Of(5, 11), GradientInput.Of(11)],
            (run, p) => AddRow.Into(run, Copy(run, p[0]), run.Use(p[1]), -0.75f),
            x => Oracle.AddRow(x[0], x[1], -0.75)),
        Attend("one sequence", 3, 1, 5, 0, 6),
        Attend("groups, many sequences, past a tile of keys", 4, 2, 3, 0, 3, 1, 37),
        Attend("window", 2, 2, 7, 3, 9, 2),
        new("CausalAttention of one value", [GradientInput.Of(7, 6)],
            (run, p) =>
            {
                Tensor x = run.Use(p[0]);
                return CausalAttention.Forward(run, new AttentionShape(2, 2, 3, 0.6f), Sequences(4, 3), x, x, x);
            },
            x => Oracle.Attention(x[0], x[0], x[0], 2, 2, 3, 0.6f, 0, 4, 3)),
        new("Dropout", [GradientInput.Of(6, 9)],
            (run, p) =>
            {
                run.Training = true;
                run.Random = Noise;
                return Dropout.Forward(run, run.Use(p[0]), 0.3f, "here");
            },
            x => [.. x[0].Select((v, i) => Noise.Named("here").Uniform((ulong)i) < 0.3f ? 0 : v / (1 - (double)0.3f))]),
        new("Embedding", [GradientInput.Of(7, 5)],
            (run, p) => Embedding.Forward(run, new TrainableWeight(p[0]), [4, 0, 4, 6, 4]),
            x => [.. new[] { 4, 0, 4, 6, 4 }.SelectMany(id => x[0][(id * 5)..((id * 5) + 5)])]),
        new("HadamardProduct", [GradientInput.Of(5, 7), GradientInput.Of(9, 7), GradientInput.Of(3, 9), GradientInput.Of(3, 7)],
            (run, p) => HadamardProduct.Forward(run, run.Use(p[0]), new TrainableWeight(p[1]), run.Use(p[2]), run.Use(p[3]), 0.5f),
            x => Oracle.Hadamard(x[0], x[1], x[2], x[3], 3, 0.5)),
        new("HeadLoss", [GradientInput.Of(8, 5), GradientInput.Of(11, 5), GradientInput.Of(11)],
            (run, p) => HeadLoss.Forward(run, Copy(run, p[0]), Head(run, p[1], p[2]), Targets, Weights, [], 3),
            x => [Oracle.CrossEntropy(Oracle.AddRow(Oracle.Linear(x[0], x[1], 11), x[2]), 11, Targets, Weights)],
            EndsGraph: true),
        new("HeadLoss with a checkpoint in its head", [GradientInput.Of(8, 5), GradientInput.Of(11, 5), GradientInput.Of(5)],
            (run, p) => HeadLoss.Forward(
                run,
                Copy(run, p[0]),
                (part, _) => Linear.Forward(
                    run, new Prepared(Checkpoint.Forward(run, part, h => MultiplyRow.Forward(run, h, run.Use(p[2])))), new TrainableWeight(p[1])),
                Targets,
                Weights,
                [],
                3),
            x => [Oracle.CrossEntropy(Oracle.Linear(Oracle.Multiply(x[0], x[2]), x[1], 11), 11, Targets, Weights)],
            EndsGraph: true),
        new("LayerNorm", [GradientInput.Of(5, 13), GradientInput.Of(13), GradientInput.Of(13)],
            (run, p) => LayerNorm.Forward(run, run.Use(p[0]), run.Use(p[1]), run.Use(p[2]), 1e-3f),
            x => Oracle.LayerNorm(x[0], x[1], x[2], 1e-3f)),
        new("LayerNorm without bias", [GradientInput.Of(3, 37), GradientInput.Of(37)],
            (run, p) => LayerNorm.Forward(run, run.Use(p[0]), run.Use(p[1]), default, 1e-3f),
            x => Oracle.LayerNorm(x[0], x[1], null, 1e-3f)),
        new("Linear", [GradientInput.Of(6, 7), GradientInput.Of(9, 7), GradientInput.Of(9)],
            (run, p) => Linear.Forward(run, new Prepared(run.Use(p[0])), new TrainableWeight(p[1]), run.Use(p[2])),
            x => Oracle.AddRow(Oracle.Linear(x[0], x[1], 9), x[2])),
        new("LowRankAdd", [GradientInput.Of(6, 9), GradientInput.Of(6, 7), GradientInput.Of(3, 7), GradientInput.Of(9, 3)],
            (run, p) => LowRankAdd.Into(run, Copy(run, p[0]), run.Use(p[1]), run.Use(p[2]), run.Use(p[3]), 1.5f),
            x => Oracle.LowRank(x[0], x[1], x[2], x[3], 3, 1.5)),
        Matrices(false, false), Matrices(false, true), Matrices(true, false), Matrices(true, true),
        new("MatMul of one value", [GradientInput.Of(4, 6)],
            (run, p) => MatMul.Forward(run, run.Use(p[0]), run.Use(p[0]), transposeB: true),
            x => Oracle.Product(x[0], false, x[0], true, 4, 4, 6)),
        new("Multiply", [GradientInput.Of(4, 9), GradientInput.Of(4, 9)],
            (run, p) => Multiply.Forward(run, run.Use(p[0]), run.Use(p[1])),
            x => Oracle.Multiply(x[0], x[1])),
        new("Multiply of one value", [GradientInput.Of(4, 9)],
            (run, p) =>
            {
                Tensor x = Copy(run, p[0]);
                return Multiply.Forward(run, x, x);
            },
            x => Oracle.Multiply(x[0], x[0])),
        new("MultiplyRow", [GradientInput.Of(5, 11), GradientInput.Of(11)],
            (run, p) => MultiplyRow.Forward(run, run.Use(p[0]), run.Use(p[1])),
            x => Oracle.Multiply(x[0], x[1])),
        new("RandomBasis", [GradientInput.Of(19), GradientInput.Of(67, 63) with { Trains = false }],
            (run, p) => RandomBasis.Combine(run, run.Use(p[0]), Noise, 0.25f, p[1].Value, new Shape(67, 63)),
            x => [.. x[1].Select((m, e) => m + x[0].Select((c, i) => c * 0.25 * ((2 * Basis(i, e, 67 * 63)) - 1)).Sum())]),
        new("RmsNorm", [GradientInput.Of(5, 13), GradientInput.Of(13)],
            (run, p) => RmsNorm.Forward(run, run.Use(p[0]), run.Use(p[1]), 1e-3f),
            x => Oracle.RmsNorm(x[0], x[1], 1e-3f)),
        Rotate(false), Rotate(true),
        new("Reshape", [GradientInput.Of(4, 6), GradientInput.Of(8, 3)],
            (run, p) => Multiply.Forward(run, Reshape.Forward(run, run.Use(p[0]), new Shape(8, 3)), run.Use(p[1])),
            x => Oracle.Multiply(x[0], x[1])),
        new("ColumnSlice", [GradientInput.Of(3, 11)],
            (run, p) => ColumnSlice.Forward(run, Copy(run, p[0]), 1, 2, 3, 4),
            x => [.. Enumerable.Range(0, 18).Select(i => x[0][(i / 6 * 11) + 1 + (i % 6 / 2 * 4) + (i % 2)])]),
        new("ColumnSlice, parts that share columns", [GradientInput.Of(3, 7)],
            (run, p) =>
            {
                Tensor x = Copy(run, p[0]);
                return Multiply.Forward(run, ColumnSlice.Forward(run, x, 0, 4), ColumnSlice.Forward(run, x, 3, 4));
            },
            x => [.. Enumerable.Range(0, 12).Select(i => x[0][(i / 4 * 7) + (i % 4)] * x[0][(i / 4 * 7) + 3 + (i % 4)])]),
        new("GatherRows", [GradientInput.Of(4, 3)],
            (run, p) => GatherRows.Forward(run, Copy(run, p[0]), (int[])[2, 0, 2, 3, 2]),
            x => [.. ((int[])[2, 0, 2, 3, 2]).SelectMany(row => x[0][(3 * row)..((3 * row) + 3)])]),
        new("MixRows", [GradientInput.Of(5, 3), GradientInput.Of(3, 2)],
            (run, p) => MixRows.Forward(run, run.Use(p[0]), Mixed, run.Use(p[1])),
            x => [.. Enumerable.Range(0, 9).Select(i => (x[1][2 * (i / 3)] * x[0][(3 * Mixed[2 * (i / 3)]) + (i % 3)])
                + (x[1][(2 * (i / 3)) + 1] * x[0][(3 * Mixed[(2 * (i / 3)) + 1]) + (i % 3)]))]),
        new("ExpertChoice", [GradientInput.Of(6, 5)],
            (run, p) => ExpertChoice.Forward(run, run.Use(p[0]), renormalise: false, new int[12]),
            x => Oracle.Experts(x[0], 5, 2, renormalise: false)),
        new("ExpertChoice, divided by the sum", [GradientInput.Of(6, 5)],
            (run, p) => ExpertChoice.Forward(run, run.Use(p[0]), renormalise: true, new int[18]),
            x => Oracle.Experts(x[0], 5, 3, renormalise: true)),
        new("Shift", [GradientInput.Of(2, 7)],
            (run, p) => Shift.Forward(run, Copy(run, p[0]), 1.5f),
            x => [.. x[0].Select(v => v + 1.5)]),
        new("RowSlice", [GradientInput.Of(7, 5)],
            (run, p) => RowSlice.Forward(run, Copy(run, p[0]), 2, 3),
            x => x[0][10..25]),
        new("RowSlice twice, overlapping", [GradientInput.Of(7, 5)],
            (run, p) =>
            {
                Tensor x = Copy(run, p[0]);
                return Multiply.Forward(run, RowSlice.Forward(run, x, 2, 3), RowSlice.Forward(run, x, 3, 3));
            },
            x => Oracle.Multiply(x[0][10..25], x[0][15..30])),
        new("RowConcat copying", [GradientInput.Of(2, 5), GradientInput.Of(3, 5)],
            (run, p) => RowConcat.Forward(run, [run.Use(p[0]), run.Use(p[1]), run.Use(p[0])]),
            x => [.. x[0], .. x[1], .. x[0]]),
        new("RowConcat of adjacent slices", [GradientInput.Of(6, 5)],
            (run, p) =>
            {
                Tensor x = Copy(run, p[0]);
                return RowConcat.Forward(run, [RowSlice.Forward(run, x, 1, 2), RowSlice.Forward(run, x, 3, 3)]);
            },
            x => x[0][5..]),
        new("Scale", [GradientInput.Of(5, 3)], (run, p) => Scale.Forward(run, run.Use(p[0]), -1.5f), x => Oracle.Scale(x[0], -1.5)),
        new("Sum", [GradientInput.Of(5, 3), GradientInput.Of(5, 3)],
            (run, p) => Sum.Into(run, Copy(run, p[0]), run.Use(p[1])),
            x => Oracle.Add(x[0], x[1])),
        new("Sum of one value", [GradientInput.Of(5, 3)],
            (run, p) =>
            {
                Tensor x = Copy(run, p[0]);
                return Sum.Into(run, x, x);
            },
            x => Oracle.Scale(x[0], 2)),
        new("SwiGlu", [GradientInput.Of(5, 7), GradientInput.Of(5, 7)],
            (run, p) => SwiGlu.Forward(run, run.Use(p[0]), run.Use(p[1])),
            x => Oracle.SwiGlu(x[0], x[1])),
        new("SwiGlu of one value", [GradientInput.Of(5, 7)],
            (run, p) =>
            {
                Tensor x = Copy(run, p[0]);
                return SwiGlu.Forward(run, x, x);
            },
            x => Oracle.SwiGlu(x[0], x[0])),
        new("Transpose", [GradientInput.Of(5, 7)],
            (run, p) => Transpose.Forward(run, run.Use(p[0])),
            x => [.. Enumerable.Range(0, 35).Select(i => x[0][(i % 5 * 7) + (i / 5)])]),
        new("a value read by several ops, then changed in place", [GradientInput.Of(4, 6), GradientInput.Of(6), GradientInput.Of(6, 6)],
            (run, p) =>
            {
                Tensor h = Copy(run, p[0]);
                Tensor twice = Scale.Forward(run, h, 2f);
                Tensor part = Scale.Forward(run, RowSlice.Forward(run, h, 0, 4), 3f);
                Tensor y = Linear.Forward(run, new Prepared(twice), new TrainableWeight(p[2]));
                h = AddRow.Into(run, h, run.Use(p[1]));
                return Sum.Into(run, Sum.Into(run, y, h), part);
            },
            x => Oracle.Add(Oracle.AddRow(Oracle.Add(Oracle.Linear(Oracle.Scale(x[0], 2), x[2], 6), x[0]), x[1]), Oracle.Scale(x[0], 3))),
        new("Checkpoint", ToyBlock.Inputs,
            (run, p) => Checkpoint.Forward(run, Copy(run, p[0]), h => ToyBlock.Forward(run, h, p)),
            ToyBlock.Oracle),
        new("Checkpoint in a checkpoint", ToyBlock.Inputs,
            (run, p) => Checkpoint.Forward(run, Copy(run, p[0]), h => Checkpoint.Forward(run, h, g => ToyBlock.Forward(run, g, p))),
            ToyBlock.Oracle),
        new("Checkpoint that reads another value", [GradientInput.Of(4, 6), GradientInput.Of(4, 6)],
            (run, p) =>
            {
                Tensor other = Scale.Forward(run, run.Use(p[1]), 2f);
                return Checkpoint.Forward(run, Copy(run, p[0]), h => Multiply.Forward(run, h, other));
            },
            x => Oracle.Scale(Oracle.Multiply(x[0], x[1]), 2)),
        new("Checkpoints that share their parameters", ToyBlock.Inputs,
            (run, p) => Checkpoint.Forward(
                run, Checkpoint.Forward(run, Copy(run, p[0]), h => ToyBlock.Forward(run, h, p)), h => ToyBlock.Forward(run, h, p)),
            x => ToyBlock.Oracle([ToyBlock.Oracle(x), .. x[1..]])),
        new("blocks that share their parameters", ToyBlock.Inputs,
            (run, p) => ToyBlock.Forward(run, Checkpoint.Forward(run, ToyBlock.Forward(run, Copy(run, p[0]), p), h => ToyBlock.Forward(run, h, p)), p),
            x =>
            {
                double[][] y = [.. x];
                for (int i = 0; i < 3; i++)
                {
                    y[0] = ToyBlock.Oracle(y);
                }
                return y[0];
            }),
    ];

    /// <summary>The table's rows by name.</summary>
    public static TheoryData<string> Names => [.. Ops.Select(op => op.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_and_gradients_are_the_formula(string name) => Ops.Single(op => op.Name == name).Run();

    [Fact]
    public void Every_op_has_a_row()
    {
        IEnumerable<string> ops = typeof(Linear).Assembly.GetExportedTypes()
            .Where(t => t.IsAbstract && t.IsSealed && t.GetMethods().Any(m => m.Name is "Forward" or "Into" or "Combine"))
            .Select(t => t.Name);
        Assert.All(ops, op => Assert.Contains(Ops, row => row.Name.StartsWith(op, StringComparison.Ordinal)));
    }

    internal static Tensor Copy(Run run, Parameter parameter) => Scale.Forward(run, run.Use(parameter), 1f);

    private static double Basis(int matrix, int element, int length) => Noise.Uniform(((ulong)matrix * (ulong)length) + (ulong)element);

    private static Func<Tensor, int, Tensor> Head(Run run, Parameter weight, Parameter bias) =>
        (h, _) => Linear.Forward(run, new Prepared(h), new TrainableWeight(weight), run.Use(bias));

    private static AttentionSequence[] Sequences(params int[] lengths)
    {
        int row = 0;
        return [.. lengths.Select(rows => new AttentionSequence { Row = (row += rows) - rows, Rows = rows })];
    }

    private static GradientCheck Attend(string name, int heads, int keyHeads, int dim, int window, params int[] lengths) => new(
        $"CausalAttention {name}",
        [GradientInput.Of(lengths.Sum(), heads * dim), GradientInput.Of(lengths.Sum(), keyHeads * dim), GradientInput.Of(lengths.Sum(), keyHeads * dim)],
        (run, p) => CausalAttention.Forward(
            run, new AttentionShape(heads, keyHeads, dim, 0.7f, window), Sequences(lengths), run.Use(p[0]), run.Use(p[1]), run.Use(p[2])),
        x => Oracle.Attention(x[0], x[1], x[2], heads, keyHeads, dim, 0.7f, window, lengths));

    private static GradientCheck Matrices(bool transposeA, bool transposeB) => new(
        $"MatMul {(transposeA ? "a transposed" : "a")}, {(transposeB ? "b transposed" : "b")}",
        [transposeA ? GradientInput.Of(7, 5) : GradientInput.Of(5, 7), transposeB ? GradientInput.Of(9, 7) : GradientInput.Of(7, 9)],
        (run, p) => MatMul.Forward(run, run.Use(p[0]), run.Use(p[1]), transposeA, transposeB, 0.5f),
        x => Oracle.Product(x[0], transposeA, x[1], transposeB, 5, 9, 7, 0.5));

    private static GradientCheck Rotate(bool interleaved) => new(
        $"RotaryEmbedding{(interleaved ? " interleaved" : "")}",
        [GradientInput.Of(5, 24), GradientInput.Of(5, 3) with { Trains = false }, GradientInput.Of(5, 3) with { Trains = false }],
        (run, p) => RotaryEmbedding.Into(run, Copy(run, p[0]), 3, p[1].Value, p[2].Value, interleaved),
        x => Oracle.Rotary(x[0], x[1], x[2], 5, 3, interleaved));
}
