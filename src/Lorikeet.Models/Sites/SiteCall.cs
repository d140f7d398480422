using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>One adapter's turn at one site: its rows of the input, and the base's answer for them.</summary>
public readonly ref struct SiteCall
{
    private readonly SharedProduct? shared;

    internal SiteCall(ModelRun run, Site site, scoped in Tensor x, ReadOnlySpan<int> ids, SharedProduct? shared, int row)
    {
        Run = run;
        Site = site;
        X = x;
        Ids = ids;
        this.shared = shared;
        Row = row;
    }

    /// <summary>The run.</summary>
    public ModelRun Run { get; }

    /// <summary>The site.</summary>
    public Site Site { get; }

    /// <summary>The adapter's rows of the input, [rows, inputs]; default at an embedding.</summary>
    public Tensor X { get; }

    /// <summary>The adapter's token ids at an embedding, else empty.</summary>
    public ReadOnlySpan<int> Ids { get; }

    /// <summary>The first of its rows in the batch.</summary>
    public int Row { get; }

    /// <summary>The base's answer, bias included; for the unchanged <see cref="X"/> it is the adapter's slice of the one product all rows share.</summary>
    /// <remarks>The result may be changed in place by ops named <c>Into</c>: ask once, or copy.</remarks>
    /// <param name="x">The input, changed or not.</param>
    public Tensor Base(in Tensor x)
    {
        if (Site is not LinearSite linear)
        {
            return Site.Base(Run, x, Ids);
        }
        Tensor y = Product(x);
        return linear.Bias is null ? y : AddRow.Into(Run, y, linear.UseBias(Run));
    }

    /// <summary>The base's answer for <see cref="X"/>.</summary>
    public Tensor Base() => Base(X);

    /// <summary>The same call with an answer of the base of its own, which may be changed in place.</summary>
    internal SiteCall Fresh() => new(Run, Site, X, Ids, null, Row);

    /// <summary>W x without the bias; only at linear sites. For the unchanged <see cref="X"/>, the slice of the shared product.</summary>
    /// <param name="x">The input, changed or not.</param>
    public Tensor Product(in Tensor x)
    {
        if (Site is not LinearSite linear)
        {
            throw new InvalidOperationException($"{Site} is no linear layer: it has no product; use Base");
        }
        if (shared is not null && x.SameMemory(X) && x.Node == X.Node)
        {
            return RowSlice.Forward(Run, shared.Get(Run, linear), Row, x.Rows);
        }
        return Linear.Forward(Run, linear.Weight.Prepare(Run, x), linear.Weight);
    }

    /// <summary>The base's bias as an input of recorded ops; default where there is none.</summary>
    public Tensor Bias => Site is LinearSite linear ? linear.UseBias(Run) : default;
}

/// <summary>The product of all rows with one weight, computed when the first adapter asks.</summary>
internal sealed class SharedProduct
{
    private Prepared x;
    private Tensor y;

    /// <summary>Begins a step; the product may be known already.</summary>
    public void Begin(in Prepared input, in Tensor known = default)
    {
        x = input;
        y = known;
    }

    public Tensor Get(ModelRun run, LinearSite site) => y.Exists ? y : y = Linear.Forward(run, x, site.Weight);

    public Prepared Input => x;
}
