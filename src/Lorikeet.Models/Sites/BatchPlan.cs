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
            foreach (RowSegment segment in segments)
            {
                if (segment.Adapter?[site] is not null)
                {
                    sites[site.Index] = new SitePlan(site, this.segments);
                    break;
                }
            }
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

    /// <summary>The model.</summary>
    public LanguageModel Model { get; }

    /// <summary>The segments in order.</summary>
    public IReadOnlyList<RowSegment> Segments => segments;

    /// <summary>A plan of one adapter for all rows; null where there is none to run.</summary>
    /// <param name="adapter">The adapter, or null.</param>
    /// <param name="rows">Rows of the batch.</param>
    public static BatchPlan? For(Adapter? adapter, int rows) =>
        adapter is null ? null : new BatchPlan(adapter.Model, [new RowSegment(adapter, 0, rows)]);

    internal bool HasSides { get; }

    internal bool HasMixers { get; }

    internal SitePlan? this[Site site] => sites[site.Index];

    /// <summary>The plan of a projection's layers, made at its first use; null where no adapter changes any of them.</summary>
    internal ProjectionPlan? Of(LinearSite[] projection)
    {
        ref ProjectionPlan? plan = ref projections[projection[0].Index];
        if (plan is null)
        {
            bool any = false;
            foreach (LinearSite site in projection)
            {
                any |= sites[site.Index] is not null;
            }
            plan = any ? new ProjectionPlan(projection, Array.ConvertAll(projection, site => sites[site.Index]), segments) : null;
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
