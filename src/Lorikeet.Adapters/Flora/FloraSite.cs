using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>FLoRA at a linear layer: y = f sum over j of A[j] o (W (B[j] o x)) [+ W x in the residual form] + bias.</summary>
/// <remarks>
/// Source: Wen and Chaudhuri, arXiv 2312.05677, Eq. 5-6 (W here is [outputs, inputs]). In a batch the r copies of each row of every adapter go
/// through one product with the shared W: <see cref="SiteForm.Around"/>. The base's bias is added unscaled.
/// The layouts are those of PEFT's HiRA files, whose hira_B is A here and whose hira_A is B.
/// </remarks>
/// <param name="a">A transposed, [outputs, r].</param>
/// <param name="b">B transposed, [r, inputs].</param>
/// <param name="form">Mode, reduction, scale.</param>
/// <param name="dropout">Share of the change's input that is dropped in training; only in the residual form, whose base path it leaves alone.</param>
public sealed class FloraSite(Parameter a, Parameter b, FloraForm form, float dropout = 0f) : SiteAdapter
{
    private readonly Parameter[] parameters = [a, b];

    /// <summary>A transposed, [outputs, r].</summary>
    public Parameter A => a;

    /// <summary>B transposed, [r, inputs].</summary>
    public Parameter B => b;

    /// <summary>Mode, reduction, scale.</summary>
    public FloraForm Form => form;

    /// <summary>r.</summary>
    public int Rank => b.Shape.Rows;

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters => parameters;

    /// <summary>The factors as plain numbers.</summary>
    public FloraFactors Factors
    {
        get
        {
            Tensor rows = RowsOfA();
            float[] values = rows.Span.ToArray();
            rows.Free();
            return new FloraFactors(form, Rank, values, b.Value.Span.ToArray());
        }
    }

    /// <inheritdoc/>
    public override Tensor Forward(in SiteCall call)
    {
        LinearSite site = (LinearSite)call.Site;
        ModelRun run = call.Run;
        Tensor useA = Transpose.Forward(run, run.Use(a)), useB = run.Use(b);
        float factor = form.Factor(Rank);
        Tensor y;
        if (form.AddsBase)
        {
            Tensor plain = call.Product(call.X);
            Tensor x = Dropout.Forward(run, call.X, dropout, call.Site.Name);
            y = Sum.Into(run, HadamardProduct.Forward(run, x, site.Weight, useA, useB, factor), plain);
        }
        else
        {
            y = HadamardProduct.Forward(run, call.X, site.Weight, useA, useB, factor);
        }
        return call.Bias.Exists ? AddRow.Into(run, y, call.Bias) : y;
    }

    /// <inheritdoc/>
    public override bool LowersAlone => true;

    /// <inheritdoc/>
    public override SiteForm? Lower(Site site, FactorPacker packer)
    {
        Tensor rows = RowsOfA();
        try
        {
            return new SiteForm { Around = packer.Hadamard(rows, b.Value, form.Factor(Rank), form.AddsBase) };
        }
        finally
        {
            rows.Free();
        }
    }

    /// <inheritdoc/>
    public override bool Merge(Site site, Span<float> weight, Span<float> bias)
    {
        Factors.Merge(weight);
        return true;
    }

    private Tensor RowsOfA()
    {
        Tensor rows = Storage.Zeros(new Shape(a.Shape.Width, a.Shape.Rows));
        Transpose.Into(a.Value, rows, accumulate: false);
        return rows;
    }
}
