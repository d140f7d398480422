using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>NOLA at a linear layer: LoRA whose factors are sums of frozen random matrices; only their coefficients are trained.</summary>
/// <remarks>
/// y = W x + bias + s B (A x), A = A0 + sum over i of alpha_i A_i, B = B0 + sum over j of beta_j B_j. Source: Koohpayegani et al.,
/// arXiv 2310.02556, and the authors' NOLALinear. Served as the low-rank change it is, expanded once.
/// </remarks>
/// <param name="alpha">Coefficients of A, [k].</param>
/// <param name="beta">Coefficients of B, [l].</param>
/// <param name="basisA">A's matrices, each [r, inputs]; the site owns them.</param>
/// <param name="basisB">B's matrices, each [outputs, r]; the site owns them.</param>
/// <param name="scale">s.</param>
public sealed class NolaSite(Parameter alpha, Parameter beta, NolaBasis basisA, NolaBasis basisB, float scale) : SiteAdapter
{
    private readonly Parameter[] parameters = [alpha, beta];
    private (Tensor A, Tensor B) expanded;

    /// <summary>Coefficients of A, [k].</summary>
    public Parameter Alpha => alpha;

    /// <summary>Coefficients of B, [l].</summary>
    public Parameter Beta => beta;

    /// <summary>A's matrices.</summary>
    public NolaBasis BasisA => basisA;

    /// <summary>B's matrices.</summary>
    public NolaBasis BasisB => basisB;

    /// <summary>s.</summary>
    public float Scale => scale;

    /// <summary>r.</summary>
    public int Rank => basisA.Shape.Rows;

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters => parameters;

    /// <inheritdoc/>
    public override bool IsSum => true;

    /// <inheritdoc/>
    public override Tensor Forward(in SiteCall call)
    {
        ModelRun run = call.Run;
        Tensor a = basisA.Combine(run, run.Use(alpha)), b = basisB.Combine(run, run.Use(beta));
        return LowRankAdd.Into(run, call.Base(), call.X, a, b, scale);
    }

    /// <inheritdoc/>
    public override void PrepareTogether(IReadOnlyList<SiteAdapter> changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        NolaExpansion.ExpandTogether([.. changes.OfType<NolaSite>()]);
    }

    /// <inheritdoc/>
    public override SiteForm? Lower(Site site, FactorPacker packer)
    {
        (Tensor a, Tensor b) = expanded.A.Exists ? expanded : Expand();
        expanded = default;
        LowRankPart part = packer.LowRank(a, b, scale);
        a.Free();
        b.Free();
        return new SiteForm { LowRank = [part] };
    }

    /// <inheritdoc/>
    public override bool Merge(Site site, Span<float> weight, Span<float> bias)
    {
        (Tensor a, Tensor b) = Expand();
        int inputs = a.Width, rank = a.Rows;
        double[] row = new double[inputs];
        for (int o = 0; o < b.Rows; o++)
        {
            Array.Clear(row);
            for (int j = 0; j < rank; j++)
            {
                double factor = (double)scale * b.Row(o)[j];
                ReadOnlySpan<float> from = a.Row(j);
                for (int k = 0; k < inputs; k++)
                {
                    row[k] += factor * from[k];
                }
            }
            Span<float> to = weight.Slice(o * inputs, inputs);
            for (int k = 0; k < inputs; k++)
            {
                to[k] = (float)(to[k] + row[k]);
            }
        }
        a.Free();
        b.Free();
        return true;
    }

    /// <summary>The factors A [r, inputs] and B [outputs, r] in memory that the caller frees.</summary>
    public (Tensor A, Tensor B) Expand()
    {
        Tensor a = Storage.Zeros(basisA.Shape), b = Storage.Zeros(basisB.Shape);
        basisA.Expand(alpha.Value.Span, a.Span);
        basisB.Expand(beta.Value.Span, b.Span);
        return (a, b);
    }

    /// <summary>Hands over factors that were expanded together with other adapters'; the next <see cref="Lower"/> uses them up.</summary>
    internal void TakeExpanded(Tensor a, Tensor b)
    {
        FreeExpanded();
        expanded = (a, b);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        FreeExpanded();
        basisA.Dispose();
        basisB.Dispose();
        base.Dispose(disposing);
    }

    private void FreeExpanded()
    {
        expanded.A.Free();
        expanded.B.Free();
        expanded = default;
    }
}
