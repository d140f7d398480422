namespace Lorikeet.Adapters;

/// <summary>FLoRA's two factors as plain numbers, for starts, conversions and merging.</summary>
/// <param name="Form">Mode, reduction, scale.</param>
/// <param name="Rank">r.</param>
/// <param name="A">Output factors, row-major [r, outputs].</param>
/// <param name="B">Input factors, row-major [r, inputs] (the paper's B transposed).</param>
public sealed record FloraFactors(FloraForm Form, int Rank, float[] A, float[] B)
{
    /// <summary>Width of the layer's output.</summary>
    public int Outputs => A.Length / Rank;

    /// <summary>Width of the layer's input.</summary>
    public int Inputs => B.Length / Rank;

    /// <summary>The start of the direct form: A = 1 and B[j] = 1 + eps[j] - mean over j of eps (times 1/r for the sum), so that M is all ones.</summary>
    /// <remarks>
    /// The paper gives no start; B = 0 as in LoRA would switch the layer off. Equal components would get equal gradients for ever: the eps, of
    /// zero mean over the components, part them. Rank 1 is the base bit for bit.
    /// </remarks>
    /// <param name="form">A direct form.</param>
    /// <param name="rank">r.</param>
    /// <param name="outputs">Width of the output.</param>
    /// <param name="inputs">Width of the input.</param>
    /// <param name="eps">[r, inputs] small numbers of mean zero in distribution; N(0, 0.02^2) is the rule.</param>
    public static FloraFactors Start(FloraForm form, int rank, int outputs, int inputs, ReadOnlySpan<float> eps)
    {
        if (form.AddsBase)
        {
            throw new ArgumentException("FLoRA's identity start belongs to the direct form; the residual form starts with A = 0", nameof(form));
        }
        float[] a = new float[rank * outputs];
        float[] b = new float[rank * inputs];
        // The sum form has no 1/r of its own: A carries it.
        Array.Fill(a, form.Reduction == FloraReduction.Sum ? 1f / rank : 1f);
        for (int k = 0; k < inputs; k++)
        {
            double mean = 0;
            for (int j = 0; j < rank; j++)
            {
                mean += (double)eps[(j * inputs) + k] / rank;
            }
            for (int j = 0; j < rank; j++)
            {
                b[(j * inputs) + k] = (float)(1.0 + eps[(j * inputs) + k] - mean);
            }
        }
        return new FloraFactors(form, rank, a, b);
    }

    /// <summary>The same change in the residual form with s = 1 and one component more: (f A[j], B[j]) and (1, -1).</summary>
    public FloraFactors ToResidual()
    {
        if (Form is { AddsBase: true, Scale: 1f })
        {
            return this;
        }
        float factor = Form.Factor(Rank);
        if (Form.AddsBase)
        {
            return this with { Form = FloraForm.Hira, B = Scaled(B, factor) };
        }
        return new FloraFactors(FloraForm.Hira, Rank + 1, [.. A, .. Constant(Outputs, 1f)], [.. Scaled(B, factor), .. Constant(Inputs, -1f)]);
    }

    /// <summary>The same change in the direct form with the sum: the residual form's factors and the pair (1, 1).</summary>
    public FloraFactors ToDirectSum()
    {
        FloraForm sum = new(FloraMode.Direct, FloraReduction.Sum);
        float[] b = Scaled(B, Form.Factor(Rank));
        return Form.AddsBase
            ? new FloraFactors(sum, Rank + 1, [.. A, .. Constant(Outputs, 1f)], [.. b, .. Constant(Inputs, 1f)])
            : this with { Form = sum, B = b };
    }

    /// <summary>The matrix W is multiplied with, element by element: M [outputs, inputs], row-major.</summary>
    /// <remarks>Several adapters merge on M, never on their factors.</remarks>
    public float[] Mask()
    {
        float[] mask = new float[checked(Outputs * Inputs)];
        Array.Fill(mask, 1f);
        Merge(mask);
        return mask;
    }

    /// <summary>W' = W o M in place; the sums over the components run in double.</summary>
    /// <param name="weight">W, row-major [outputs, inputs]; receives W'.</param>
    public void Merge(Span<float> weight)
    {
        int outputs = Outputs, inputs = Inputs;
        double factor = Form.Factor(Rank);
        double[] row = new double[inputs];
        for (int o = 0; o < outputs; o++)
        {
            Array.Fill(row, Form.AddsBase ? 1 : 0);
            for (int j = 0; j < Rank; j++)
            {
                double a = factor * A[(j * outputs) + o];
                ReadOnlySpan<float> b = B.AsSpan(j * inputs, inputs);
                for (int k = 0; k < inputs; k++)
                {
                    row[k] += a * b[k];
                }
            }
            Span<float> w = weight.Slice(o * inputs, inputs);
            for (int k = 0; k < inputs; k++)
            {
                w[k] *= (float)row[k];
            }
        }
    }

    /// <summary>The same adapter with equal norms of A[j] and B[j]: (c A, B / c) is one adapter for every c, and large drifts cost precision.</summary>
    public FloraFactors Rebalanced()
    {
        float[] a = [.. A], b = [.. B];
        for (int j = 0; j < Rank; j++)
        {
            Span<float> rowA = a.AsSpan(j * Outputs, Outputs), rowB = b.AsSpan(j * Inputs, Inputs);
            double normA = RootMeanSquare(rowA), normB = RootMeanSquare(rowB);
            if (normA > 0 && normB > 0)
            {
                // A power of two changes no digit of any product.
                float c = (float)Math.Pow(2, Math.Round(Math.Log2(Math.Sqrt(normB / normA))));
                ScaleInPlace(rowA, c);
                ScaleInPlace(rowB, 1f / c);
            }
        }
        return this with { A = a, B = b };
    }

    private static double RootMeanSquare(ReadOnlySpan<float> row)
    {
        double sum = 0;
        foreach (float value in row)
        {
            sum += (double)value * value;
        }
        return Math.Sqrt(sum / row.Length);
    }

    private static void ScaleInPlace(Span<float> row, float by)
    {
        for (int i = 0; i < row.Length; i++)
        {
            row[i] *= by;
        }
    }

    private static float[] Scaled(float[] from, float by)
    {
        float[] to = [.. from];
        ScaleInPlace(to, by);
        return to;
    }

    private static float[] Constant(int length, float value)
    {
        float[] all = new float[length];
        Array.Fill(all, value);
        return all;
    }
}
