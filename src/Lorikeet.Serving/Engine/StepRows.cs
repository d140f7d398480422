using System.Runtime.InteropServices;
using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>The rows of a step in the form in which the model reads them; kept while the step's shape stays.</summary>
internal sealed class StepRows
{
    private readonly LanguageModel model;
    private readonly List<(SequenceState State, int Rows)> last = [];
    private readonly List<RowSegment> segments = [];
    private readonly List<RowSegment> logitSegments = [];
    private readonly List<GivenRows> given = [];
    private List<RowSegment> planned = [];

    public StepRows(LanguageModel model) => this.model = model;

    public Rows Rows { get; private set; } = new();

    /// <summary>The plan of all rows; null: no adapter.</summary>
    public BatchPlan? Plan { get; private set; }

    /// <summary>The plan of the rows that need logits; null: no adapter that changes the head.</summary>
    public BatchPlan? HeadPlan { get; private set; }

    /// <summary>Rows that need logits.</summary>
    public int LogitRows { get; private set; }

    /// <summary>Distinct adapters, the bare model not counted.</summary>
    public int Adapters { get; private set; }

    /// <summary>True where every row is a sequence's only one and needs logits: a decode step, which repeats until its membership changes.</summary>
    public bool AllSample { get; private set; }

    /// <summary>Token ids, one for each row.</summary>
    public int[] Ids { get; private set; } = [];

    /// <summary>Rows that prompts give as vectors; their ids mean nothing.</summary>
    public ReadOnlySpan<GivenRows> Given => CollectionsMarshal.AsSpan(given);

    /// <summary>Describes the step.</summary>
    /// <param name="scheduled">The sequences with rows, grouped by adapter.</param>
    public void Set(List<Sequence> scheduled)
    {
        if (AllSample && Same(scheduled))
        {
            Rows.Advance();
        }
        else
        {
            Build(scheduled);
        }
        int at = 0;
        given.Clear();
        foreach (Sequence sequence in scheduled)
        {
            sequence.CopyIds(Ids.AsSpan(at, sequence.Rows));
            if (sequence.GivenRows is > 0 and var rows)
            {
                given.Add(new GivenRows(at, rows, sequence.Request.Rows!, sequence.State!.Length));
            }
            at += sequence.Rows;
        }
    }

    private bool Same(List<Sequence> scheduled)
    {
        if (scheduled.Count != last.Count)
        {
            return false;
        }
        for (int i = 0; i < scheduled.Count; i++)
        {
            if (last[i].State != scheduled[i].State || scheduled[i].Rows != 1 || scheduled[i].LogitRows != 1)
            {
                return false;
            }
        }
        return true;
    }

    private void Build(List<Sequence> scheduled)
    {
        last.Clear();
        segments.Clear();
        logitSegments.Clear();
        int row = 0, logits = 0;
        AllSample = true;
        for (int i = 0; i < scheduled.Count; i++)
        {
            Sequence sequence = scheduled[i];
            last.Add((sequence.State!, sequence.Rows));
            Extend(segments, sequence.Adapter, row, sequence.Rows);
            row += sequence.Rows;
            AllSample &= sequence.Rows == 1 && sequence.LogitRows == 1;
            if (sequence.LogitRows > 0)
            {
                Extend(logitSegments, sequence.Adapter, logits, sequence.LogitRows);
                logits += sequence.LogitRows;
            }
        }
        LogitRows = logits;
        Rows = new Rows(CollectionsMarshal.AsSpan(last));
        if (Ids.Length != row)
        {
            Ids = new int[row];
        }
        if (!CollectionsMarshal.AsSpan(segments).SequenceEqual(CollectionsMarshal.AsSpan(planned)))
        {
            Adapters = segments.Count(s => s.Adapter is not null);
            Plan = Adapters > 0 ? new BatchPlan(model, CollectionsMarshal.AsSpan(segments)) : null;
            planned = [.. segments];
        }
        HeadPlan = !logitSegments.Exists(ChangesHead) ? null
            : AllSample ? Plan
            : new BatchPlan(model, CollectionsMarshal.AsSpan(logitSegments));
    }

    private bool ChangesHead(RowSegment segment)
    {
        foreach (LinearSite site in model.Head.Sites)
        {
            if (segment.Adapter?[site] is not null)
            {
                return true;
            }
        }
        return false;
    }

    private static void Extend(List<RowSegment> segments, Adapter? adapter, int row, int rows)
    {
        if (segments.Count > 0 && ReferenceEquals(segments[^1].Adapter, adapter))
        {
            segments[^1] = segments[^1] with { Rows = segments[^1].Rows + rows };
        }
        else
        {
            segments.Add(new RowSegment(adapter, row, rows));
        }
    }
}
