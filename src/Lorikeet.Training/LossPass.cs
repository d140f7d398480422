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
    private readonly List<(int Owner, Batch Batch, float Weight)> parts = [];
    private readonly double[] sums;
    private int[] tokens = [];
    private int[] targets = [];
    private float[] weights = [];
    private float[] losses = [];
    private RowSegment[] segments = [];
    private BatchPlan? plan;

    public LossPass(LanguageModel model, Adapter?[] adapters, bool checkpointing)
    {
        this.model = model;
        this.adapters = adapters;
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

    /// <summary>Adds a trainee's rows; each row's loss gets <paramref name="weight"/>.</summary>
    public void Add(Batch batch, int owner, float weight) => parts.Add((owner, batch, weight));

    /// <summary>The sum of a trainee's row losses, without weights.</summary>
    public double LossSum(int owner) => sums[owner];

    /// <summary>Adds the gradients of the weighted loss to the parameters.</summary>
    public void Backward(CounterRandom random)
    {
        Gather();
        run.Random = random;
        run.Training = true;
        run.Tape = Tape;
        run.Arena.Reset();
        Tape.Begin(run);
        Tensor loss = Loss();
        if (loss.Recorded)
        {
            Tape.Backward(run, loss);
        }
        else if (targets.AsSpan().IndexOfAnyInRange(0, int.MaxValue) >= 0)
        {
            throw new InvalidOperationException("nothing that trains leads to the loss: no parameter is trainable, or the batch does not use it");
        }
        Sum();
    }

    /// <summary>Computes row losses only.</summary>
    public void Forward()
    {
        Gather();
        run.Training = false;
        run.Tape = null;
        run.Arena.Reset();
        _ = Loss();
        Sum();
    }

    private Tensor Loss()
    {
        Tensor hidden = model.Forward(run, Input.Of(tokens));
        BatchPlan? whole = run.Plan;
        Tensor loss = HeadLoss.Forward(run, hidden, head, targets, weights, losses);
        run.Plan = whole;
        return loss;
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

    private void Sum()
    {
        Array.Clear(sums);
        int row = 0;
        foreach ((int owner, Batch batch, _) in parts)
        {
            for (int end = row + batch.Tokens.Length; row < end; row++)
            {
                sums[owner] += targets[row] >= 0 ? losses[row] : 0;
            }
        }
    }

    public void Dispose()
    {
        run.Tape = null;
        run.Dispose();
        Tape.Dispose();
    }
}
