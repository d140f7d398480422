using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>One pass of a batch through a model to its loss, recorded or not; the rows of several adapters go through together.</summary>
internal sealed class LossPass : IDisposable
{
    private readonly LanguageModel model;
    private readonly Adapter?[] adapters;
    private readonly ModelRun run = new();
    private readonly bool headAdapted;
    private readonly Func<Tensor, int, Tensor> head;
    private readonly Objective[] objectives;
    private readonly List<(int Owner, Batch Batch, float Weight)> parts = [];
    private readonly double[] sums;
    private int[] tokens = [];
    private int[] targets = [];
    private float[] weights = [];
    private float[] losses = [];
    private RowSegment[] segments = [];
    private double[] references = [];
    private BatchPlan? plan;

    /// <param name="model">The model.</param>
    /// <param name="adapters">Each owner's adapter.</param>
    /// <param name="checkpointing">Recompute blocks in backward.</param>
    /// <param name="objectives">What each owner's recorded loss is made of; null: likelihood alone.</param>
    public LossPass(LanguageModel model, Adapter?[] adapters, bool checkpointing, Objective[]? objectives = null)
    {
        this.model = model;
        this.adapters = adapters;
        this.objectives = objectives ?? [.. adapters.Select(_ => new Objective())];
        sums = new double[adapters.Length];
        run.Checkpointing = checkpointing;
        // Recorded or not, each change runs its own forward: forms stand for finished parameters.
        run.OwnForwards = true;
        run.FullActivations = true;
        headAdapted = adapters.Any(a => a is not null && model.Head.Sites.Any(site => a[site] is not null));
        head = Logits;
        Tape = new Tape();
    }

    public Tape Tape { get; }

    /// <summary>The memory of a step's values.</summary>
    public Arena Arena => run.Arena;

    /// <summary>Losses that are not recorded code activations at quantised weights, as serving does.</summary>
    public bool CodedActivations
    {
        init => run.FullActivations = !value;
    }

    public long PeakBytes => run.Arena.PeakBytes + Tape.GradientBytes;

    public void Begin() => parts.Clear();

    /// <summary>Adds a trainee's rows; each target's loss gets <paramref name="weight"/>.</summary>
    public void Add(Batch batch, int owner, float weight) => parts.Add((owner, batch, weight));

    /// <summary>The sum of a trainee's losses, without weights.</summary>
    public double LossSum(int owner) => sums[owner];

    /// <summary>Adds the gradients of the weighted loss to the parameters.</summary>
    public void Backward(CounterRandom random)
    {
        Gather();
        Refer();
        run.Random = random;
        run.Training = true;
        run.Tape = Tape;
        run.Arena.Reset();
        Tape.Begin(run);
        Tensor loss = Loss(recorded: true);
        if (loss.Recorded)
        {
            Tape.Backward(run, loss);
        }
        else if (targets.AsSpan().IndexOfAnyInRange(0, int.MaxValue) >= 0)
        {
            throw new InvalidOperationException("nothing that trains leads to the loss: no parameter is trainable, or the batch does not use it");
        }
    }

    /// <summary>Computes losses only: of tokens their likelihood, without what an objective adds.</summary>
    public void Forward()
    {
        Gather();
        Refer();
        run.Training = false;
        run.Tape = null;
        run.Arena.Reset();
        _ = Loss(recorded: false);
    }

    private Tensor Loss(bool recorded)
    {
        Tensor hidden = model.Forward(run, Input.Of(tokens));
        BatchPlan? whole = run.Plan;
        Array.Clear(sums);
        Tensor loss;
        if (parts.TrueForAll(p => p.Batch.Kind == BatchKind.Tokens) && (!recorded || Array.TrueForAll(objectives, o => o.Terms == objectives[0].Terms)))
        {
            loss = HeadLoss.Forward(run, hidden, head, targets, weights, losses, terms: recorded ? objectives[0].Terms : default);
            int row = 0;
            foreach ((int owner, Batch batch, _) in parts)
            {
                sums[owner] += Taken(row, batch.Tokens.Length);
                row += batch.Tokens.Length;
            }
        }
        else
        {
            loss = LossOfParts(hidden, recorded);
        }
        run.Plan = whole;
        return loss;
    }

    /// <summary>Parts whose targets are of several kinds: each has its own loss.</summary>
    private Tensor LossOfParts(in Tensor hidden, bool recorded)
    {
        Tensor total = default;
        int row = 0, sequence = 0;
        foreach ((int owner, Batch batch, float weight) in parts)
        {
            int rows = batch.Tokens.Length;
            if (rows > 0)
            {
                Tensor own = batch.Kind switch
                {
                    BatchKind.Classes => OfClasses(hidden, batch, owner, row, weight),
                    BatchKind.Pairs => OfPairs(hidden, batch, owner, row, sequence, weight),
                    _ => OfTokens(hidden, owner, row, rows, recorded),
                };
                total = total.Exists ? Tensors.Sum.Into(run, total, own) : own;
            }
            row += rows;
            sequence += batch.Lengths.Length;
        }
        return total.Exists ? total : run.Arena.Zeros(new Shape(1));
    }

    private Tensor OfTokens(in Tensor hidden, int owner, int row, int rows, bool recorded)
    {
        Tensor loss = HeadLoss.Forward(
            run,
            RowSlice.Forward(run, hidden, row, rows),
            (part, first) => Logits(part, row + first),
            targets.AsSpan(row, rows).ToArray(),
            weights.AsSpan(row, rows).ToArray(),
            losses.AsSpan(row, rows),
            terms: recorded ? objectives[owner].Terms : default);
        sums[owner] += Taken(row, rows);
        return loss;
    }

    /// <summary>The last rows of the sequences, through the adapter's own head.</summary>
    private Tensor OfClasses(in Tensor hidden, Batch batch, int owner, int row, float weight)
    {
        ClassHead own = adapters[owner]?.Classifier
            ?? throw new InvalidOperationException($"the batch has classes, but {adapters[owner]?.Name ?? "the bare model"} has no classification head");
        int[] last = new int[batch.Lengths.Length], classes = new int[last.Length];
        int at = -1;
        for (int i = 0; i < last.Length; i++)
        {
            at += batch.Lengths[i];
            last[i] = row + at;
            classes[i] = batch.Targets[at];
        }
        float[] each = new float[last.Length], factors = new float[last.Length];
        factors.AsSpan().Fill(weight);
        Tensor loss = HeadLoss.Forward(
            run, GatherRows.Forward(run, hidden, last), (part, _) => own.Forward(run, model, part), classes, factors, each, terms: run.Tape is null ? default : objectives[owner].Terms);
        for (int i = 0; i < each.Length; i++)
        {
            sums[owner] += classes[i] >= 0 ? each[i] : 0;
        }
        return loss;
    }

    /// <summary>
    /// Pairs: the answers' log-probabilities first, which give each pair's loss and its slopes; then the cross-entropy of the tokens with these
    /// slopes as their weights, whose gradient is that of the pairs' loss.
    /// </summary>
    private Tensor OfPairs(in Tensor hidden, Batch batch, int owner, int row, int sequence, float weight)
    {
        if (adapters[owner] is null && objectives[owner].Preference.NeedsReference)
        {
            throw new NotSupportedException($"{objectives[owner].Preference.Name} compares with the frozen model, which is gone where all weights train: train an adapter, or use orpo");
        }
        int rows = batch.Tokens.Length;
        Tape? tape = run.Tape;
        run.Tape = null;
        _ = HeadLoss.Forward(run, hidden.Detached.ViewRows(row, rows), (part, first) => Logits(part, row + first), batch.Targets, new float[rows], losses.AsSpan(row, rows));
        run.Tape = tape;
        float[] slopes = new float[rows];
        int at = 0;
        for (int i = 0; i < batch.Lengths.Length; i += 2)
        {
            int middle = at + batch.Lengths[i], end = middle + batch.Lengths[i + 1];
            (double loss, double chosen, double rejected) = objectives[owner].Preference.Of(Answer(at, middle, i), Answer(middle, end, i + 1));
            sums[owner] += loss;
            // Rows hold -log p.
            slopes.AsSpan(at, middle - at).Fill((float)(-chosen * weight));
            slopes.AsSpan(middle, end - middle).Fill((float)(-rejected * weight));
            at = end;
        }
        return tape is null
            ? run.Arena.Zeros(new Shape(1))
            : HeadLoss.Forward(run, RowSlice.Forward(run, hidden, row, rows), (part, first) => Logits(part, row + first), batch.Targets, slopes, []);

        AnswerLikelihood Answer(int from, int to, int number)
        {
            int count = 0;
            for (int j = from; j < to; j++)
            {
                count += batch.Targets[j] >= 0 ? 1 : 0;
            }
            return new AnswerLikelihood(-Taken(row + from, to - from), references.Length > 0 ? references[sequence + number] : 0, count);
        }
    }

    /// <summary>The frozen model's log-probability of each sequence, where a pair's loss asks for it.</summary>
    private void Refer()
    {
        references = [];
        if (!parts.Exists(p => p.Batch.Kind == BatchKind.Pairs && objectives[p.Owner].Preference.NeedsReference))
        {
            return;
        }
        BatchPlan? own = run.Plan;
        run.Plan = null;
        run.Tape = null;
        run.Training = false;
        run.Arena.Reset();
        Tensor hidden = model.Forward(run, Input.Of(tokens));
        _ = HeadLoss.Forward(run, hidden, (part, _) => model.Logits(run, part), targets, weights, losses);
        references = new double[run.Rows.Sequences.Length];
        int row = 0, sequence = 0;
        foreach ((_, Batch batch, _) in parts)
        {
            foreach (int length in batch.Lengths)
            {
                references[sequence++] = batch.Kind == BatchKind.Pairs ? -Taken(row, length) : 0;
                row += length;
            }
        }
        run.Plan = own;
    }

    /// <summary>The losses of rows that have a target.</summary>
    private double Taken(int row, int rows)
    {
        double sum = 0;
        for (int i = row; i < row + rows; i++)
        {
            sum += targets[i] >= 0 ? losses[i] : 0;
        }
        return sum;
    }

    private Tensor Logits(Tensor hidden, int first)
    {
        run.Plan = headAdapted ? new BatchPlan(model, Cut(first, hidden.Rows)) : null;
        return model.Logits(run, hidden);
    }

    /// <summary>The segments of a chunk of rows.</summary>
    private RowSegment[] Cut(int first, int rows)
    {
        List<RowSegment> cut = [];
        foreach (RowSegment segment in segments)
        {
            int start = Math.Max(segment.Row, first), end = Math.Min(segment.Row + segment.Rows, first + rows);
            if (start < end)
            {
                cut.Add(new RowSegment(segment.Adapter, start - first, end - start));
            }
        }
        return [.. cut];
    }

    /// <summary>Puts all parts' rows one after another.</summary>
    private void Gather()
    {
        int rows = 0, sequences = 0, filled = 0;
        foreach ((_, Batch batch, _) in parts)
        {
            rows += batch.Tokens.Length;
            sequences += batch.Lengths.Length;
            filled += batch.Tokens.Length > 0 ? 1 : 0;
        }
        if (rows != tokens.Length)
        {
            tokens = new int[rows];
            targets = new int[rows];
            weights = new float[rows];
            losses = new float[rows];
        }
        int[] lengths = new int[sequences];
        bool same = segments.Length == filled;
        RowSegment[] now = same ? segments : new RowSegment[filled];
        int row = 0, sequence = 0, segmentCount = 0;
        foreach ((int owner, Batch batch, float weight) in parts)
        {
            int count = batch.Tokens.Length;
            batch.Tokens.CopyTo(tokens, row);
            batch.Targets.CopyTo(targets, row);
            weights.AsSpan(row, count).Fill(weight);
            batch.Lengths.CopyTo(lengths, sequence);
            sequence += batch.Lengths.Length;
            if (count > 0)
            {
                RowSegment segment = new(adapters[owner], row, count);
                same &= now[segmentCount] == segment;
                now[segmentCount++] = segment;
            }
            row += count;
        }
        run.Rows = new Rows(lengths);
        if (!same)
        {
            segments = now;
            plan = now.Any(s => s.Adapter is not null) ? new BatchPlan(model, now) : null;
        }
        run.Plan = plan;
    }

    public void Dispose()
    {
        run.Tape = null;
        run.Dispose();
        Tape.Dispose();
    }
}
