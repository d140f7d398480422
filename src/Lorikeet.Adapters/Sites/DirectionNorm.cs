using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>DoRA's factor c = m / n, n[i] the length of row i of V = W + s B A, without building V.</summary>
/// <remarks>
/// n[i]^2 = |W[i]|^2 + 2 s (W A^T)[i] . B[i] + s^2 B[i] (A A^T) B[i]^T. The paper (arXiv 2402.09353, section 4.3) takes n as a constant in the
/// backward pass. Where a row of V is zero c = 1. An embedding's V is its transposed table [hidden, vocabulary].
/// </remarks>
internal sealed class DirectionNorm(LowRankPair pair, Parameter magnitude)
{
    private Weight? known;
    private double[] squares = [];

    public Parameter Magnitude { get; } = magnitude;

    /// <summary>c as an input of recorded ops, [outputs].</summary>
    public Tensor Factor(Run run, Weight weight, bool transposed)
    {
        Tensor inverse = run.Arena.Allocate(Magnitude.Value.Shape);
        ArenaMark mark = run.Arena.Mark;
        bool anyZero = Invert(run, weight, transposed, inverse.Span);
        run.Arena.Release(mark);
        Tensor c = Multiply.Forward(run, run.Use(Magnitude), inverse);
        if (!anyZero)
        {
            return c;
        }
        Tensor ones = run.Arena.Zeros(Magnitude.Value.Shape);
        for (int i = 0; i < inverse.Width; i++)
        {
            ones.Span[i] = inverse.Span[i] == 0f ? 1f : 0f;
        }
        return AddRow.Into(run, c, ones);
    }

    /// <summary>c as numbers of their own.</summary>
    public Tensor Lower(Weight weight, bool transposed)
    {
        using Run run = new();
        Tensor c = Storage.Zeros(Magnitude.Value.Shape);
        Factor(run, weight, transposed).Span.CopyTo(c.Span);
        return c;
    }

    /// <summary>Scales a whole V to the trained lengths: row i (transposed: column i) by m[i] / its own length.</summary>
    public void Apply(Span<float> v, int rows, int width, bool transposed)
    {
        int outputs = transposed ? width : rows;
        double[] sums = new double[outputs];
        for (int i = 0; i < v.Length; i++)
        {
            sums[transposed ? i % width : i / width] += (double)v[i] * v[i];
        }
        for (int i = 0; i < v.Length; i++)
        {
            int o = transposed ? i % width : i / width;
            v[i] *= sums[o] > 0 ? (float)(Magnitude.Value.Span[o] / Math.Sqrt(sums[o])) : 1f;
        }
    }

    /// <summary>The lengths of V's rows, the start of m, from the whole product.</summary>
    public static void Lengths(Weight weight, LowRankPair pair, bool transposed, Span<float> to)
    {
        float[] v = weight.ToArray();
        if (transposed)
        {
            pair.AddTransposedTo(v);
        }
        else
        {
            pair.AddTo(v);
        }
        double[] sums = new double[to.Length];
        for (int i = 0; i < v.Length; i++)
        {
            sums[transposed ? i % weight.Inputs : i / weight.Inputs] += (double)v[i] * v[i];
        }
        for (int i = 0; i < sums.Length; i++)
        {
            to[i] = (float)Math.Sqrt(sums[i]);
        }
    }

    private bool Invert(Run run, Weight weight, bool transposed, Span<float> inverse)
    {
        int rank = pair.Rank, outputs = inverse.Length;
        Tensor a = pair.A.Value;
        Tensor projected = run.Allocate(rank, outputs);
        if (transposed)
        {
            weight.MultiplyTransposed(run, a, projected, false);
        }
        else
        {
            weight.Multiply(run, weight.Prepare(run, a), projected);
        }
        Tensor gram = run.Allocate(rank, rank);
        MatrixProduct.Multiply(a.Span, false, a.Span, true, gram.Span, rank, rank, a.Width);
        double[] base2 = Squares(weight, transposed);
        double s = pair.Scale;
        bool anyZero = false;
        for (int o = 0; o < outputs; o++)
        {
            ReadOnlySpan<float> b = pair.B.Value.Row(o);
            double cross = 0, own = 0;
            for (int k = 0; k < rank; k++)
            {
                cross += (double)b[k] * projected.Row(k)[o];
                double inner = 0;
                ReadOnlySpan<float> row = gram.Row(k);
                for (int l = 0; l < rank; l++)
                {
                    inner += (double)row[l] * b[l];
                }
                own += b[k] * inner;
            }
            double square = base2[o] + (2 * s * cross) + (s * s * own);
            // A row that cancels leaves rounding of its parts behind; below it the length is zero.
            bool zero = square <= 1e-12 * base2[o];
            anyZero |= zero;
            inverse[o] = zero ? 0f : (float)(1 / Math.Sqrt(square));
        }
        return anyZero;
    }

    private double[] Squares(Weight weight, bool transposed)
    {
        if (ReferenceEquals(known, weight) && !weight.Trains)
        {
            return squares;
        }
        double[] sums = new double[transposed ? weight.Inputs : weight.Outputs];
        float[] row = new float[weight.Inputs];
        for (int i = 0; i < weight.Outputs; i++)
        {
            weight.Read(i, row);
            for (int j = 0; j < row.Length; j++)
            {
                sums[transposed ? j : i] += (double)row[j] * row[j];
            }
        }
        known = weight;
        return squares = sums;
    }
}
