namespace Lorikeet.Models;

/// <summary>Consecutive rows of a batch that run with one adapter.</summary>
/// <param name="Adapter">The adapter; null: the bare model.</param>
/// <param name="Row">The first row.</param>
/// <param name="Rows">How many; whole sequences.</param>
public readonly record struct RowSegment(Adapter? Adapter, int Row, int Rows);

/// <summary>Which rows run with which adapter, worked out for each site; rebuilt only when the batch's membership changes.</summary>
public sealed class BatchPlan
{
    private readonly SitePlan?[] sites;
    private readonly ProjectionPlan?[] projections;
    private readonly RowSegment[] segments;
    private readonly BatchPlan?[] single;
    private readonly int first;

    /// <summary>Works out a plan.</summary>
    /// <param name="model">The model.</param>
    /// <param name="segments">All rows in order, without gaps.</param>
    /// <exception cref="ArgumentException">A gap, or an adapter made for another model.</exception>
    public BatchPlan(LanguageModel model, ReadOnlySpan<RowSegment> segments)
    {
        ArgumentNullException.ThrowIfNull(model);
        int row = 0;
        foreach (RowSegment segment in segments)
        {
            if (segment.Row != row || segment.Rows <= 0)
            {
                throw new ArgumentException($"plan: a segment of {segment.Rows} rows at row {segment.Row}, expected one at row {row}", nameof(segments));
            }
            if (segment.Adapter is not null && !ReferenceEquals(segment.Adapter.Model, model))
            {
                throw new ArgumentException($"plan: adapter {segment.Adapter.Name} was made for another model", nameof(segments));
            }
            row += segment.Rows;
        }
        Model = model;
        this.segments = segments.ToArray();
        single = new BatchPlan?[segments.Length];
        sites = new SitePlan?[model.Sites.Count];
        projections = new ProjectionPlan?[model.Sites.Count];
        foreach (Site site in model.Sites)
        {
            sites[site.Index] = Changed(site) ? new SitePlan(site, this.segments) : null;
        }
        foreach (RowSegment segment in segments)
        {
            HasSides |= segment.Adapter?.Side is not null;
            for (int layer = 0; layer < model.Blocks.Count && !HasMixers; layer++)
            {
                HasMixers |= segment.Adapter?.Mixer(layer) is not null;
            }
        }
    }

    /// <summary>A plan of some sites for some of the rows.</summary>
    private BatchPlan(LanguageModel model, RowSegment[] segments, LinearSite[] some)
    {
        Model = model;
        this.segments = segments;
        single = [];
        // Sites that are made together have numbers in a row.
        first = some.Min(site => site.Index);
        sites = new SitePlan?[some.Max(site => site.Index) - first + 1];
        projections = new ProjectionPlan?[sites.Length];
        foreach (LinearSite site in some)
        {
            sites[site.Index - first] = Changed(site) ? new SitePlan(site, segments) : null;
        }
    }

    /// <summary>The model.</summary>
    public LanguageModel Model { get; }

    /// <summary>The segments in order.</summary>
    public IReadOnlyList<RowSegment> Segments => segments;

    /// <summary>A plan of one adapter for all rows; null where there is none to run.</summary>
    /// <param name="adapter">The adapter, or null.</param>
    /// <param name="rows">Rows of the batch.</param>
    public static BatchPlan? For(Adapter? adapter, int rows) =>
        adapter is null ? null : new BatchPlan(adapter.Model, [new RowSegment(adapter, 0, rows)]);

    /// <summary>The projection that was entered last.</summary>
    internal ProjectionPlan? Entered { get; set; }

    internal bool HasSides { get; }

    internal bool HasMixers { get; }

    internal SitePlan? this[Site site] => (uint)(site.Index - first) < (uint)sites.Length ? sites[site.Index - first] : null;

    private bool Changed(Site site)
    {
        foreach (RowSegment segment in segments)
        {
            if (segment.Adapter?[site] is not null)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>The plan of some rows at sites that read them alone (an expert's layers); null where no adapter changes one of them.</summary>
    /// <param name="some">The sites.</param>
    /// <param name="rows">The rows, ascending.</param>
    internal BatchPlan? Gather(LinearSite[] some, ReadOnlySpan<int> rows)
    {
        bool any = false;
        foreach (LinearSite site in some)
        {
            any |= this[site] is not null;
        }
        if (!any)
        {
            return null;
        }
        List<RowSegment> own = [];
        int from = 0;
        foreach (RowSegment segment in segments)
        {
            int to = from;
            while (to < rows.Length && rows[to] < segment.Row + segment.Rows)
            {
                to++;
            }
            if (to > from)
            {
                own.Add(segment with { Row = from, Rows = to - from });
            }
            from = to;
        }
        return new BatchPlan(Model, [.. own], some);
    }

    /// <summary>The plan of a projection's layers, made at its first use; null where no adapter changes any of them.</summary>
    internal ProjectionPlan? Of(LinearSite[] projection)
    {
        ref ProjectionPlan? plan = ref projections[projection[0].Index - first];
        if (plan is null)
        {
            bool any = false;
            foreach (LinearSite site in projection)
            {
                any |= this[site] is not null;
            }
            plan = any ? new ProjectionPlan(projection, Array.ConvertAll(projection, site => this[site]), segments) : null;
        }
        return plan;
    }

    /// <summary>The plan of one segment alone, for parts that run apart.</summary>
    internal BatchPlan? Single(int segment)
    {
        RowSegment own = segments[segment];
        return own.Adapter is null ? null : single[segment] ??= For(own.Adapter, own.Rows);
    }
}
