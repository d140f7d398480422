using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Tasks;

/// <summary>A text whose tokens are scored with one adapter.</summary>
/// <param name="Adapter">The adapter; null: the bare model.</param>
/// <param name="Inputs">Its tokens.</param>
/// <param name="Targets">For each the token that follows; negative: not scored.</param>
internal sealed record ScoredText(Adapter? Adapter, int[] Inputs, int[] Targets)
{
    /// <summary>-log p of each target; 0 where there is none.</summary>
    public float[] Losses { get; set; } = [];

    /// <summary>True: the adapter's classification head reads the last token, and nothing else is scored.</summary>
    public bool Classified { get; init; }

    /// <summary>The head's logits.</summary>
    public float[] Logits { get; set; } = [];

    /// <summary>A continuation after a context: its tokens are scored.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="tokens">Both.</param>
    /// <param name="first">The first token that is scored, at least 1.</param>
    public static ScoredText After(Adapter? adapter, int[] tokens, int first)
    {
        int[] targets = new int[tokens.Length - 1];
        for (int i = 0; i < targets.Length; i++)
        {
            targets[i] = i + 1 >= first ? tokens[i + 1] : -1;
        }
        return new ScoredText(adapter, tokens[..^1], targets);
    }

    /// <summary>The sum of the scored tokens' log-probabilities.</summary>
    public double LogProbability
    {
        get
        {
            double sum = 0;
            foreach (float loss in Losses)
            {
                sum -= loss;
            }
            return sum;
        }
    }
}

/// <summary>Scores texts of many adapters in one pass through the model.</summary>
internal sealed class SequenceScorer : IDisposable
{
    private readonly LanguageModel model;
    private readonly ModelRun run = new();
    private RowSegment[] segments = [];

    public SequenceScorer(LanguageModel model, bool codedActivations)
    {
        this.model = model;
        run.FullActivations = !codedActivations;
    }

    /// <summary>Rows that went through the model so far.</summary>
    public long Rows { get; private set; }

    /// <summary>Scores texts; those of one adapter lie together in the batch, whatever their order here.</summary>
    public void Score(IReadOnlyList<ScoredText> texts)
    {
        List<ScoredText> sorted = [.. texts.GroupBy(t => t.Adapter, ReferenceEqualityComparer.Instance).SelectMany(g => g)];
        int total = sorted.Sum(t => t.Inputs.Length);
        int[] tokens = new int[total], targets = new int[total];
        List<RowSegment> cut = [];
        int row = 0;
        foreach (ScoredText text in sorted)
        {
            text.Inputs.CopyTo(tokens, row);
            text.Targets.CopyTo(targets, row);
            if (cut.Count > 0 && ReferenceEquals(cut[^1].Adapter, text.Adapter))
            {
                cut[^1] = cut[^1] with { Rows = cut[^1].Rows + text.Inputs.Length };
            }
            else
            {
                cut.Add(new RowSegment(text.Adapter, row, text.Inputs.Length));
            }
            row += text.Inputs.Length;
        }
        segments = [.. cut];
        Rows += total;
        run.Arena.Reset();
        run.Rows = new Rows([.. sorted.Select(t => t.Inputs.Length)]);
        run.Plan = segments.Any(s => s.Adapter is not null) ? new BatchPlan(model, segments) : null;
        Tensor hidden = model.Forward(run, Input.Of(tokens));
        float[] losses = new float[total];
        if (sorted.Exists(t => !t.Classified))
        {
            _ = HeadLoss.Forward(run, hidden, Head, targets, new float[total], losses);
        }
        row = 0;
        foreach (ScoredText text in sorted)
        {
            text.Losses = losses[row..(row + text.Inputs.Length)];
            if (text.Classified)
            {
                text.Logits = text.Adapter!.Classifier!.Forward(run, model, hidden.ViewRows(row + text.Inputs.Length - 1, 1)).Span.ToArray();
            }
            row += text.Inputs.Length;
        }
    }

    public void Dispose() => run.Dispose();

    private Tensor Head(Tensor part, int first)
    {
        List<RowSegment> cut = [];
        foreach (RowSegment segment in segments)
        {
            int start = Math.Max(segment.Row, first), end = Math.Min(segment.Row + segment.Rows, first + part.Rows);
            if (start < end)
            {
                cut.Add(new RowSegment(segment.Adapter, start - first, end - start));
            }
        }
        run.Plan = cut.Exists(s => s.Adapter is not null && model.Head.Sites.Any(site => s.Adapter[site] is not null)) ? new BatchPlan(model, [.. cut]) : null;
        return model.Logits(run, part);
    }
}
