using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Proofs;

/// <summary>
/// A small ladder beside the model: s = D h0 + E (D h0 of the token before), s += relu(D_l h_l) after each block, and the answer last + U s.
/// It reads detached values: the blocks get no gradient through it. The token before is its recurrent state.
/// </summary>
internal sealed class Ladder(Parameter[] down, Parameter mix, Parameter up, int slot) : ISideNetwork
{
    private int Width => up.Value.Width;

    public StateSpec State => new(0, Width);

    public IReadOnlyList<Parameter> Parameters => [.. down, mix, up];

    public static Ladder Random(LanguageModel model, CounterRandom random, int width = 6)
    {
        int hidden = model.Config.HiddenSize;
        Parameter[] down = [.. Enumerable.Range(0, model.Blocks.Count + 1).Select(i => Proof.Normal($"ladder.down.{i}", new Shape(width, hidden), random, 0.1f))];
        return new Ladder(
            down,
            Proof.Normal("ladder.mix", new Shape(width, width), random, 0.3f),
            Proof.Normal("ladder.up", new Shape(hidden, width), random, 0.1f),
            model.Blocks.Count);
    }

    public Tensor Observe(ModelRun run, int layer, in Tensor h, in Tensor carried)
    {
        Tensor read = MatMul.Forward(run, h.Detached, run.Use(down[layer + 1]), transposeB: true);
        if (layer >= 0)
        {
            return Sum.Into(run, Activation.Forward(run, read, ActivationKind.Relu), carried);
        }
        Tensor before = Before(run, read);
        return Sum.Into(run, MatMul.Forward(run, before, run.Use(mix), transposeB: true), read);
    }

    public Tensor Finish(ModelRun run, in Tensor last, in Tensor carried) =>
        Sum.Into(run, MatMul.Forward(run, carried, run.Use(up), transposeB: true), last);

    /// <summary>Each token's predecessor in its sequence; zero, or what the state remembers, at the start.</summary>
    private Tensor Before(ModelRun run, in Tensor read)
    {
        List<Tensor> parts = [];
        for (int i = 0; i < run.Rows.Sequences.Length; i++)
        {
            Kernels.AttentionSequence sequence = run.Rows.Sequences[i];
            Tensor first = run.Arena.Zeros(new Shape(1, Width));
            if (run.Rows.Stateful)
            {
                Tensor remembered = run.Rows.State(i).Fixed(slot);
                remembered.Span.CopyTo(first.Span);
                read.Row(sequence.Row + sequence.Rows - 1).CopyTo(remembered.Span);
            }
            parts.Add(first);
            if (sequence.Rows > 1)
            {
                parts.Add(RowSlice.Forward(run, read, sequence.Row, sequence.Rows - 1));
            }
        }
        return RowConcat.Forward(run, [.. parts]);
    }
}
