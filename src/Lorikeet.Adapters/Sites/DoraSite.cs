using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>DoRA at a linear layer: y = c o (W x + s B A x) + b, c = m / |rows of W + s B A|.</summary>
/// <remarks>
/// Source: Liu et al., arXiv 2402.09353, Eq. 5 and section 4.3. With dropout, xd = drop(x): y = W x + (c - 1) o (W xd) + c o (s B A xd) + b, as
/// PEFT has it. Parameters: A [r, inputs], B [outputs, r], m [outputs]; b [outputs] where it is trained.
/// </remarks>
public sealed class DoraSite : SiteAdapter
{
    private readonly LowRankPair pair;
    private readonly DirectionNorm norm;
    private readonly float dropout;
    private readonly Parameter? bias;

    /// <summary>A change.</summary>
    /// <param name="pair">A, B and s.</param>
    /// <param name="magnitude">m, [outputs].</param>
    /// <param name="dropout">Share of the input that is dropped, in training only.</param>
    /// <param name="bias">A bias that takes the base's place, or null.</param>
    public DoraSite(LowRankPair pair, Parameter magnitude, float dropout = 0f, Parameter? bias = null)
    {
        ArgumentNullException.ThrowIfNull(pair);
        this.pair = pair;
        norm = new DirectionNorm(pair, magnitude);
        this.dropout = dropout;
        this.bias = bias;
        Parameters = bias is null ? [pair.A, pair.B, magnitude] : [pair.A, pair.B, magnitude, bias];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters { get; }

    /// <inheritdoc/>
    public override Tensor Forward(in SiteCall call)
    {
        ModelRun run = call.Run;
        LinearSite linear = (LinearSite)call.Site;
        Tensor c = norm.Factor(run, linear.Weight, transposed: false);
        Tensor a = run.Use(pair.A), b = run.Use(pair.B);
        Tensor y = call.Product(call.X);
        if (run.Training && dropout > 0)
        {
            Tensor x = Dropout.Forward(run, call.X, dropout, call.Site.Name);
            Tensor minusOne = run.Arena.Zeros(c.Shape);
            minusOne.Span.Fill(-1f);
            Tensor less = Sum.Into(run, minusOne, c);
            y = Sum.Into(run, y, MultiplyRow.Forward(run, call.Product(x), less));
            Tensor zero = run.Arena.Zeros(y.Shape);
            y = Sum.Into(run, y, MultiplyRow.Forward(run, LowRankAdd.Into(run, zero, x, a, b, pair.Scale), c));
        }
        else
        {
            y = MultiplyRow.Forward(run, LowRankAdd.Into(run, y, call.X, a, b, pair.Scale), c);
        }
        Tensor shift = bias is null ? call.Bias : run.Use(bias);
        return shift.Exists ? AddRow.Into(run, y, shift) : y;
    }

    /// <inheritdoc/>
    public override SiteForm? Lower(Site site, FactorPacker packer)
    {
        Tensor own = default;
        if (bias is not null)
        {
            own = Storage.Zeros(bias.Value.Shape);
            bias.Value.Span.CopyTo(own.Span);
        }
        return new SiteForm
        {
            LowRank = [packer.LowRank(pair.A, pair.B, pair.Scale)],
            Post = norm.Lower(((LinearSite)site).Weight, transposed: false),
            Bias = own,
        };
    }

    /// <inheritdoc/>
    public override bool Merge(Site site, Span<float> weight, Span<float> bias)
    {
        pair.AddTo(weight);
        norm.Apply(weight, site.Outputs, site.Inputs, transposed: false);
        this.bias?.Value.Span.CopyTo(bias);
        return true;
    }
}
