using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Proofs;

/// <summary>
/// Linear attention with a decay in a block's place: S_t = g S_(t-1) + k_t v_t^T, y_t = O (q_t S_t). Trained in its parallel form
/// ((q k^T) o decay) v, served with the state S alone: it keeps no pages.
/// </summary>
internal sealed class RecurrentMixer(Parameter q, Parameter k, Parameter v, Parameter o) : IMixer
{
    private const float Decay = 0.75f;

    private int Width => q.Value.Rows;

    public StateSpec State => new(0, Width * Width);

    public IReadOnlyList<Parameter> Parameters => [q, k, v, o];

    public static RecurrentMixer Random(LanguageModel model, int layer, CounterRandom random, int width = 5)
    {
        int hidden = model.Config.HiddenSize;
        return new RecurrentMixer(
            Proof.Normal($"mixer.{layer}.q", new Shape(width, hidden), random, 0.2f),
            Proof.Normal($"mixer.{layer}.k", new Shape(width, hidden), random, 0.2f),
            Proof.Normal($"mixer.{layer}.v", new Shape(width, hidden), random, 0.2f),
            Proof.Normal($"mixer.{layer}.o", new Shape(hidden, width), random, 0.2f));
    }

    public Tensor Forward(ModelRun run, int slot, in Tensor x, in Tensor residual)
    {
        Tensor query = MatMul.Forward(run, x, run.Use(q), transposeB: true);
        Tensor key = MatMul.Forward(run, x, run.Use(k), transposeB: true);
        Tensor value = MatMul.Forward(run, x, run.Use(v), transposeB: true);
        Tensor[] parts = new Tensor[run.Rows.Sequences.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            AttentionSequence own = run.Rows.Sequences[i];
            Tensor qs = RowSlice.Forward(run, query, own.Row, own.Rows), ks = RowSlice.Forward(run, key, own.Row, own.Rows);
            Tensor vs = RowSlice.Forward(run, value, own.Row, own.Rows);
            parts[i] = run.Rows.Stateful ? Recurrent(run, run.Rows.State(i).Fixed(slot), qs, ks, vs) : Parallel(run, qs, ks, vs);
        }
        Tensor y = MatMul.Forward(run, RowConcat.Forward(run, parts), run.Use(o), transposeB: true);
        return residual.Exists ? Sum.Into(run, y, residual) : y;
    }

    private static Tensor Parallel(ModelRun run, in Tensor query, in Tensor key, in Tensor value)
    {
        Tensor mask = run.Arena.Zeros(new Shape(query.Rows, query.Rows));
        for (int i = 0; i < query.Rows; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                mask.Row(i)[j] = MathF.Pow(Decay, i - j);
            }
        }
        Tensor scores = Multiply.Forward(run, MatMul.Forward(run, query, key, transposeB: true), mask);
        return MatMul.Forward(run, scores, value);
    }

    private Tensor Recurrent(ModelRun run, in Tensor state, in Tensor query, in Tensor key, in Tensor value)
    {
        Tensor y = run.Arena.Zeros(query.Shape);
        for (int t = 0; t < query.Rows; t++)
        {
            for (int i = 0; i < Width; i++)
            {
                for (int j = 0; j < Width; j++)
                {
                    ref float s = ref state.Span[(i * Width) + j];
                    s = (Decay * s) + (key.Row(t)[i] * value.Row(t)[j]);
                    y.Row(t)[j] += query.Row(t)[i] * s;
                }
            }
        }
        return y;
    }
}

/// <summary>An adapter that replaces the mixer of one block.</summary>
internal sealed class MixerAdapter(string name, LanguageModel model, int layer, IMixer mixer) : Adapter(name, model)
{
    public override IMixer? Mixer(int block) => block == layer ? mixer : null;
}
