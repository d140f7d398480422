using System.Runtime.InteropServices;
using Lorikeet.Kernels;
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
public sealed class NormSite(string name, int layer, Parameter weight, Parameter? bias, float eps, bool layerNorm = false) : Site(name, layer), INorm
{
    /// <summary>The scale.</summary>
    public Parameter Weight { get; set; } = weight;

    /// <summary>The shift, or null.</summary>
    public Parameter? Bias { get; set; } = bias;

    /// <summary>Added to the mean square or variance.</summary>
    public float Eps { get; } = eps;

    /// <summary>What is added to the scale: 1 where the file holds its distance from 1 (Gemma).</summary>
    public float Offset { get; init; }

    /// <summary>Parts of the scale, each for as wide a part of the row, which is normed by itself: heads with scales of their own.</summary>
    public int Parts { get; init; } = 1;

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
        Tensor factors = Offset == 0f ? scale : Shift.Forward(run, scale, Offset);
        if (Parts == 1)
        {
            return Rows(run, x, factors, shift);
        }
        Tensor ones = run.Arena.Allocate(new Shape(scale.Width / Parts));
        ones.Span.Fill(1f);
        return MultiplyRow.Forward(run, Rows(run, x, ones, shift), factors);
    }

    /// <summary>The norm, whose result is prepared for the projection that reads it first.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, hidden].</param>
    /// <param name="next">That projection, or null.</param>
    /// <returns>[rows, hidden].</returns>
    public Tensor Forward(ModelRun run, in Tensor x, Projection? next)
    {
        bool plain = Parts == 1 && Offset == 0f && x.Width == Inputs && run.Tape is null && run.Tap is null && run.Plan?[this] is null;
        if (!plain || next?.ReadsCodes(run) != true)
        {
            return Forward(run, x);
        }
        Tensor y = run.Allocate(x.Rows, x.Width), codes = run.AllocateCodes(x.Rows, x.Width);
        Norms.Coded(x.Span, Weight.Value.Span, Bias is null ? default : Bias.Value.Span, Eps, x.Width, layerNorm, y.Span, MemoryMarshal.AsBytes(codes.Span));
        run.KeepCodes(y, codes);
        return y;
    }

    private Tensor Rows(ModelRun run, in Tensor x, in Tensor scale, in Tensor shift)
    {
        int width = scale.Width;
        Tensor rows = x.Width == width ? x : Reshape.Forward(run, x, new Shape(checked((int)(x.Shape.Length / width)), width));
        Tensor y = layerNorm ? LayerNorm.Forward(run, rows, scale, shift, Eps) : RmsNorm.Forward(run, rows, scale, Eps);
        return x.Width == width ? y : Reshape.Forward(run, y, x.Shape);
    }

    /// <inheritdoc/>
    Tensor INorm.Forward(ModelRun run, in Tensor x) => Forward(run, x);

    /// <inheritdoc/>
    public override IEnumerable<ModelTensor> Tensors
    {
        get
        {
            yield return new ModelTensor(StoredName + ".weight", null, Weight) { VectorRows = Parts };
            if (Bias is not null)
            {
                yield return new ModelTensor(StoredName + ".bias", null, Bias);
            }
        }
    }
}
