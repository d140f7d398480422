using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>A normalisation: RMSNorm, or LayerNorm where <paramref name="layerNorm"/>.</summary>
/// <remarks>Rows wider than the scale are normed in parts of its width: q and k, head by head.</remarks>
/// <param name="name">The module's path.</param>
/// <param name="layer">Its block, or -1.</param>
/// <param name="weight">[hidden].</param>
/// <param name="bias">[hidden], or null.</param>
/// <param name="eps">Added to the mean square or variance.</param>
/// <param name="layerNorm">True: subtract the mean too.</param>
public sealed class NormSite(string name, int layer, Parameter weight, Parameter? bias, float eps, bool layerNorm = false) : Site(name, layer)
{
    /// <summary>The scale.</summary>
    public Parameter Weight { get; set; } = weight;

    /// <summary>The shift, or null.</summary>
    public Parameter? Bias { get; set; } = bias;

    /// <summary>Added to the mean square or variance.</summary>
    public float Eps { get; } = eps;

    /// <inheritdoc/>
    public override int Inputs => Weight.Value.Width;

    /// <inheritdoc/>
    public override int Outputs => Inputs;

    /// <inheritdoc/>
    public override Tensor Base(ModelRun run, in Tensor x, ReadOnlySpan<int> ids) =>
        Normalise(run, x, run.Use(Weight), Bias is null ? default : run.Use(Bias));

    /// <summary>The same norm with another scale and shift, for adapters that replace them.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, hidden], or a multiple of hidden in each row.</param>
    /// <param name="scale">[hidden].</param>
    /// <param name="shift">[hidden], or default.</param>
    public Tensor Normalise(ModelRun run, in Tensor x, in Tensor scale, in Tensor shift)
    {
        int width = scale.Width;
        if (x.Width == width)
        {
            return layerNorm ? LayerNorm.Forward(run, x, scale, shift, Eps) : RmsNorm.Forward(run, x, scale, Eps);
        }
        Tensor parts = Reshape.Forward(run, x, new Shape(checked((int)(x.Shape.Length / width)), width));
        return Reshape.Forward(run, Normalise(run, parts, scale, shift), x.Shape);
    }

    /// <inheritdoc/>
    public override IEnumerable<ModelTensor> Tensors
    {
        get
        {
            yield return new ModelTensor(StoredName + ".weight", null, Weight);
            if (Bias is not null)
            {
                yield return new ModelTensor(StoredName + ".bias", null, Bias);
            }
        }
    }
}
