using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>One pass through a language model: its rows, and which of them have which adapter.</summary>
public sealed class ModelRun : Run
{
    private readonly List<(object Owner, Tensor Cos, Tensor Sin)> tables = [];
    private readonly Dictionary<Block, Func<Tensor, Tensor>> parts = [];
    private readonly Routing routing = new();
    private readonly NextPages pages = new();
    private bool forward;
    private int[] positionRows = [];

    /// <summary>The rows of this step.</summary>
    public Rows Rows { get; set; } = new();

    /// <summary>Which rows run with which adapter; null: the bare model.</summary>
    public BatchPlan? Plan { get; set; }

    /// <summary>Sees activations, or null.</summary>
    public ITap? Tap { get; set; }

    /// <summary>Recompute each block in backward instead of keeping its values.</summary>
    public bool Checkpointing { get; set; }

    /// <summary>Run every change's own forward even where a batched form exists: the reference that the forms are compared with.</summary>
    public bool OwnForwards { get; set; }

    /// <summary>Puts a table of the step (one row for each row of the batch) where the blocks find it.</summary>
    internal void SetTable(object owner, in Tensor cos, in Tensor sin) => tables.Add((owner, cos, sin));

    /// <summary>A table's rows for the present, perhaps narrowed, rows.</summary>
    internal (Tensor Cos, Tensor Sin) Table(object owner)
    {
        foreach ((object of, Tensor cos, Tensor sin) in tables)
        {
            if (ReferenceEquals(of, owner))
            {
                return (cos.ViewRows(Rows.First, Rows.Count), sin.ViewRows(Rows.First, Rows.Count));
            }
        }
        throw new InvalidOperationException("the step has no such table: the model must set it before its blocks run");
    }

    /// <summary>The row of a table of learned positions for each row of the step.</summary>
    /// <exception cref="ArgumentException">A position beyond the table.</exception>
    internal ReadOnlySpan<int> PositionRows(int offset, int known)
    {
        if (positionRows.Length < Rows.Count)
        {
            positionRows = new int[Math.Max(Rows.Count, 2 * positionRows.Length)];
        }
        foreach (ref readonly AttentionSequence sequence in Rows.Sequences.AsSpan())
        {
            if (sequence.Start + sequence.Rows > known - offset)
            {
                throw new ArgumentException(
                    $"a sequence reaches position {sequence.Start + sequence.Rows - 1}; the model has learned positions 0 to {known - offset - 1}: use a shorter text");
            }
            for (int i = 0; i < sequence.Rows; i++)
            {
                positionRows[sequence.Row + i] = sequence.Start + i + offset;
            }
        }
        return positionRows.AsSpan(0, Rows.Count);
    }

    /// <summary>The block that runs after the present one, or null.</summary>
    internal Block? Upcoming { get; set; }

    /// <summary>Lets the products that follow fetch what the next block's mixer reads, until <see cref="Kernels.NextReads.Forget"/>.</summary>
    internal void AnnouncePages()
    {
        if (Upcoming is { } block && Tape is null && Plan is not { HasMixers: true })
        {
            pages.Announce(Rows, block.Layer, block.Mixer.State);
        }
    }

    /// <summary>Drops the last step's tables; taps see what runs from here to <see cref="EndStep"/>.</summary>
    internal void BeginStep()
    {
        tables.Clear();
        forward = true;
    }

    internal void EndStep() => forward = false;

    /// <summary>A block as a function of its input, for checkpointing; made once a run, and without a tap when backward computes it again.</summary>
    internal Func<Tensor, Tensor> Part(Block block)
    {
        if (!parts.TryGetValue(block, out Func<Tensor, Tensor>? part))
        {
            parts[block] = part = h =>
            {
                ITap? tap = Tap;
                Tap = forward ? tap : null;
                try
                {
                    return block.Forward(this, h);
                }
                finally
                {
                    Tap = tap;
                }
            };
        }
        return part;
    }

    /// <summary>Room to sort rows by expert: the run's own, or new where the record keeps it until backward.</summary>
    internal Routing Routing() => Tape is null ? routing : new Routing();

    /// <summary>Narrows the run's plan to some rows, in ascending order, at some sites; dispose to widen it again.</summary>
    internal Narrowed Gather(LinearSite[] sites, ReadOnlySpan<int> rows)
    {
        Narrowed outer = new(this, Rows, Plan);
        Plan = Plan?.Gather(sites, rows);
        return outer;
    }

    /// <summary>Narrows the run to one segment of its plan, for parts that run apart; dispose to widen it again.</summary>
    internal Narrowed Narrow(int segment)
    {
        RowSegment own = Plan!.Segments[segment];
        Narrowed outer = new(this, Rows, Plan);
        Rows = Rows.Narrow(own.Row, own.Rows);
        Plan = Plan.Single(segment);
        return outer;
    }

    internal readonly struct Narrowed(ModelRun run, Rows rows, BatchPlan? plan) : IDisposable
    {
        public void Dispose()
        {
            run.Rows = rows;
            run.Plan = plan;
        }
    }
}
