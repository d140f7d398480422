using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>A decoder-only language model: embedding, blocks, last norm, head. One definition for training and serving.</summary>
public partial class LanguageModel : IDisposable
{
    private readonly ModelParts parts;

    /// <summary>Puts the parts together.</summary>
    /// <param name="config">The model's configuration.</param>
    /// <param name="parts">Its parts.</param>
    public LanguageModel(ModelConfig config, ModelParts parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        Config = config;
        this.parts = parts;
        for (int i = 0; i < Sites.Count; i++)
        {
            Sites[i].Index = i;
        }
    }

    /// <summary>The configuration.</summary>
    public ModelConfig Config { get; }

    /// <summary>All sites, in the order of the modules.</summary>
    public IReadOnlyList<Site> Sites => parts.Sites;

    /// <summary>The token table.</summary>
    public EmbeddingSite Embedding => parts.Embedding;

    /// <summary>Numbers of a row of the token table, which is what rows that are given have: the hidden size, but for models that project from another.</summary>
    public int EmbeddingWidth => parts.Embedding.Outputs;

    /// <summary>The table of learned positions, or null.</summary>
    public EmbeddingSite? Positions => parts.Positions;

    /// <summary>The blocks.</summary>
    public IReadOnlyList<Block> Blocks => parts.Blocks;

    /// <summary>The norm after the last block, or null.</summary>
    public NormSite? FinalNorm => parts.FinalNorm;

    /// <summary>The output head: hidden to logits.</summary>
    public Projection Head => parts.Head;

    /// <summary>All stored tensors, by the names in the file.</summary>
    public IEnumerable<ModelTensor> Tensors
    {
        get
        {
            foreach (Site site in Sites)
            {
                foreach (ModelTensor tensor in site.Tensors)
                {
                    yield return tensor;
                }
            }
        }
    }

    /// <summary>The experts of the blocks that have them.</summary>
    public IEnumerable<ExpertStack> ExpertStacks => Blocks.Select(b => b.FeedForward).OfType<ExpertFeedForward>().Select(f => f.Stack);

    /// <summary>Bytes of all weights.</summary>
    public long WeightBytes
    {
        get
        {
            long bytes = 0;
            foreach (ModelTensor tensor in Tensors)
            {
                bytes += tensor.Weight?.Bytes ?? (tensor.Vector!.Value.Shape.Length * sizeof(float));
            }
            return bytes;
        }
    }

    /// <summary>Number of weights (a tied head counts once).</summary>
    public long ParameterCount
    {
        get
        {
            long count = 0;
            foreach (ModelTensor tensor in Tensors)
            {
                count += tensor.Weight is { } weight ? weight.Count : tensor.Vector!.Value.Shape.Length;
            }
            return count;
        }
    }

    /// <summary>The site of a module path, or null.</summary>
    /// <param name="name">For example <c>model.layers.0.mlp.down_proj</c>.</param>
    public Site? Find(string name)
    {
        foreach (Site site in Sites)
        {
            if (site.Name == name)
            {
                return site;
            }
        }
        return null;
    }

    /// <summary>Reads a token's row as a step does, before anything else is done to it: what Transformers takes as <c>inputs_embeds</c>.</summary>
    /// <remarks>Where reading scales (Gemma multiplies with sqrt(hidden size)) the row is scaled, as in Transformers from 5.4 on.</remarks>
    /// <param name="token">The token's id.</param>
    /// <param name="to">Receives the row, [<see cref="EmbeddingWidth"/>].</param>
    public void ReadEmbedding(int token, Span<float> to)
    {
        Embedding.Weight.Read(token, to);
        if (parts.LookupScale != 1f)
        {
            foreach (ref float value in to[..EmbeddingWidth])
            {
                value *= parts.LookupScale;
            }
        }
    }

    /// <summary>The hidden states after the last norm.</summary>
    /// <remarks>Rows of stateful sequences are stored in pages reserved before; the caller counts them with <see cref="SequenceState.Append"/> after the step.</remarks>
    /// <param name="run">The run: rows, plan, tape.</param>
    /// <param name="input">Tokens or embeddings, as many as the run has rows.</param>
    /// <returns>[rows, hidden].</returns>
    public Tensor Forward(ModelRun run, Input input)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (input.Rows != run.Rows.Count)
        {
            throw new ArgumentException($"the input has {input.Rows} rows, the run {run.Rows.Count}");
        }
        run.Rows.CheckReserved();
        run.BeginStep();
        for (int i = 0; i < parts.Rotary.Count; i++)
        {
            parts.Rotary[i].Prepare(run);
        }
        Tensor h = Begin(run, input.Embeddings.Exists ? input.Embeddings : LookUp(run, input));
        run.Tap?.Residual(-1, h);
        Tensor[]? carried = Observe(run, -1, h, null);
        // Where nobody looks back at a block's values, the next block's take their place, which is still in the caches.
        Tensor kept = run.Tape is null && run.Tap is null && carried is null ? run.Arena.Allocate(h.Shape) : default;
        ArenaMark mark = run.Arena.Mark;
        for (int layer = 0; layer < Blocks.Count; layer++)
        {
            run.Upcoming = layer + 1 < Blocks.Count ? Blocks[layer + 1] : null;
            h = run.Checkpointing && run.Tape is not null
                ? Checkpoint.Forward(run, h, run.Part(Blocks[layer]))
                : Blocks[layer].Forward(run, h);
            run.Tap?.Residual(layer, h);
            carried = Observe(run, layer, h, carried);
            if (kept.Exists)
            {
                h.Span.CopyTo(kept.Span);
                h = kept;
                run.Arena.Release(mark);
            }
        }
        run.EndStep();
        h = Finish(run, h, carried);
        return FinalNorm is null ? h : FinalNorm.Forward(run, h);
    }

    /// <summary>Logits of hidden states.</summary>
    /// <param name="run">The run; its plan must fit the rows given here.</param>
    /// <param name="hidden">[rows, hidden].</param>
    /// <returns>[rows, vocabulary].</returns>
    public Tensor Logits(ModelRun run, in Tensor hidden)
    {
        ArgumentNullException.ThrowIfNull(run);
        Tensor y = Head.Forward(run, ToHead(run, hidden));
        if (parts.LogitScale != 1f)
        {
            y = Scale.Forward(run, y, parts.LogitScale);
        }
        return parts.LogitCap == 0f
            ? y
            : Scale.Forward(run, Activation.Forward(run, Scale.Forward(run, y, 1f / parts.LogitCap), ActivationKind.Tanh), parts.LogitCap);
    }

    /// <summary>From hidden states to what a head reads: [rows, Head.Inputs].</summary>
    internal Tensor ToHead(ModelRun run, in Tensor hidden) => parts.ProjectOut is null ? hidden : parts.ProjectOut.Forward(run, hidden);

    /// <summary>From tokens to embeddings: rows of the table, and those that are given.</summary>
    private Tensor LookUp(ModelRun run, Input input)
    {
        Tensor h = Embedding.Forward(run, default, input.Tokens);
        if (parts.LookupScale != 1f)
        {
            h = Scale.Forward(run, h, parts.LookupScale);
        }
        if (input.Given.Length > 0 && run.Tape is not null)
        {
            throw new InvalidOperationException("rows that prompts give are for inference; a recorded run takes embeddings");
        }
        foreach (ref readonly GivenRows given in input.Given)
        {
            for (int i = 0; i < given.Count; i++)
            {
                given.From.CopyTo(given.First + i, h.Row(given.Row + i));
            }
        }
        return h;
    }

    /// <summary>From embeddings to the first block's input.</summary>
    private Tensor Begin(ModelRun run, in Tensor embeddings)
    {
        Tensor h = parts.ProjectIn is null ? embeddings : parts.ProjectIn.Forward(run, embeddings);
        if (parts.EmbeddingScale != 1f)
        {
            h = Scale.Forward(run, h, parts.EmbeddingScale);
        }
        if (parts.Positions is { } table)
        {
            // Added to the positions and not the other way round: embeddings that were given stay as they are.
            h = Sum.Into(run, table.Forward(run, default, run.PositionRows(parts.PositionOffset, table.Weight.Outputs)), h);
        }
        return parts.EmbeddingNorm is null ? h : parts.EmbeddingNorm.Forward(run, h);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees all weights.</summary>
    /// <param name="disposing">Always true: there is no finaliser.</param>
    protected virtual void Dispose(bool disposing)
    {
        foreach (ModelTensor tensor in Tensors)
        {
            tensor.Weight?.Dispose();
            tensor.Vector?.Dispose();
        }
    }

    /// <summary>Shows a block's output to the side networks; what each carries on is kept by segment.</summary>
    private static Tensor[]? Observe(ModelRun run, int layer, in Tensor h, Tensor[]? carried)
    {
        if (run.Plan is not { HasSides: true } plan)
        {
            return null;
        }
        carried ??= new Tensor[plan.Segments.Count];
        for (int i = 0; i < carried.Length; i++)
        {
            if (plan.Segments[i].Adapter?.Side is { } side)
            {
                Tensor own = RowSlice.Forward(run, h, plan.Segments[i].Row, plan.Segments[i].Rows);
                using (run.Narrow(i))
                {
                    carried[i] = side.Observe(run, layer, own, carried[i]);
                }
            }
        }
        return carried;
    }

    private static Tensor Finish(ModelRun run, in Tensor h, Tensor[]? carried)
    {
        if (carried is null || run.Plan is not { } plan)
        {
            return h;
        }
        Tensor[] parts = new Tensor[carried.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = RowSlice.Forward(run, h, plan.Segments[i].Row, plan.Segments[i].Rows);
            if (plan.Segments[i].Adapter?.Side is { } side)
            {
                using (run.Narrow(i))
                {
                    parts[i] = side.Finish(run, parts[i], carried[i]);
                }
            }
        }
        return RowConcat.Forward(run, parts);
    }
}
