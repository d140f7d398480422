using System.Globalization;
using Lorikeet.Tensors.LinearAlgebra;

namespace Lorikeet.Cli.Verify.Linalg;

/// <summary>Orthogonal and nearly orthogonal matrices.</summary>
internal static class OrthogonalCases
{
    public static void NewtonSchulz(Matrices matrices, CaseReport report)
    {
        foreach (string name in matrices.Groups("G"))
        {
            Matrix64 gradient = matrices.Matrix(name + ".G");
            foreach ((string tensor, string steps) in matrices.After(name + ".steps"))
            {
                Matrix64 expected = matrices.Matrix(tensor);
                Matrix64 got = Orthogonalisation.NewtonSchulz(gradient, int.Parse(steps, CultureInfo.InvariantCulture));
                FactorCases.Near(report, tensor, got, expected, 1e-11 * expected.LargestMagnitude());
            }
            if (matrices.Has(name + ".polar"))
            {
                FactorCases.Near(report, name + ".polar", Orthogonalisation.Polar(gradient), matrices.Matrix(name + ".polar"), 1e-11);
            }
        }
    }

    public static void Cayley(Matrices matrices, CaseReport report)
    {
        foreach (string name in matrices.Groups("skew"))
        {
            Matrix64[] skews = matrices.Blocks(name + ".skew"), vectors = matrices.Blocks(name + ".vec"), rotations = matrices.Blocks(name + ".rotation");
            Matrix64 x = matrices.Matrix(name + ".x"), y = new(x.Rows, x.Columns);
            int size = skews[0].Rows;
            for (int block = 0; block < skews.Length; block++)
            {
                Matrix64 skew = Orthogonalisation.Skew(vectors[block].Data, size), rotation = Orthogonalisation.Cayley(skew);
                FactorCases.Near(report, $"{name}.skew {block}", skew, skews[block], 0);
                FactorCases.Near(report, $"{name}.rotation {block}", rotation, rotations[block], 1e-12);
                Matrix64 part = new(x.Rows, size);
                for (int row = 0; row < x.Rows; row++)
                {
                    x.Row(row).Slice(block * size, size).CopyTo(part.Row(row));
                }
                Matrix64 turned = part.Times(rotation);
                for (int row = 0; row < x.Rows; row++)
                {
                    turned.Row(row).CopyTo(y.Row(row)[(block * size)..]);
                }
            }
            FactorCases.Near(report, name + ".y", y, matrices.Matrix(name + ".y"), 1e-12);
            foreach ((string tensor, string terms) in matrices.After(name + ".neumann"))
            {
                Matrix64[] expected = matrices.Blocks(tensor);
                for (int block = 0; block < expected.Length; block++)
                {
                    Matrix64 got = Orthogonalisation.CayleySeries(skews[block], int.Parse(terms, CultureInfo.InvariantCulture));
                    FactorCases.Near(report, $"{tensor} {block}", got, expected[block], 1e-12);
                }
            }
        }
    }

    public static void Products(Matrices matrices, CaseReport report)
    {
        foreach (string name in matrices.Groups("theta"))
        {
            Matrix64 product = Matrix64.Identity(matrices.Matrix(name + ".product").Rows), y = matrices.Matrix(name + ".x");
            Matrix64 pairs = matrices.Matrix(name + ".pairs");
            double[] angles = matrices.Values(name + ".theta");
            for (int i = 0; i < angles.Length; i++)
            {
                Orthogonalisation.Givens(product, (int)pairs[i, 0], (int)pairs[i, 1], angles[i]);
                Orthogonalisation.Givens(y, (int)pairs[i, 0], (int)pairs[i, 1], angles[i]);
            }
            FactorCases.Near(report, name + ".product", product, matrices.Matrix(name + ".product"), 1e-12);
            FactorCases.Near(report, name + ".y", y, matrices.Matrix(name + ".y"), 1e-12);
        }
        foreach (string name in matrices.Groups("u"))
        {
            Matrix64 u = matrices.Matrix(name + ".u"), expected = matrices.Matrix(name + ".product");
            bool orthogonal = !matrices.Has(name + ".reverse");
            Matrix64 product = Orthogonalisation.Reflections(orthogonal ? Qr.Thin(u).Q : u);
            FactorCases.Near(report, name + ".product", product, expected, 1e-12);
            if (!orthogonal)
            {
                FactorCases.Near(report, name + ".reverse", product.Transposed(), matrices.Matrix(name + ".reverse"), 1e-12);
            }
        }
        foreach (string name in matrices.Groups("reflectors"))
        {
            Householder factors = Householder.Factor(matrices.Matrix(name + ".A"));
            FactorCases.Near(report, name + ".reflectors", factors.Reflectors, matrices.Matrix(name + ".reflectors"), 1e-12);
            report.Each(name + ".tau", factors.Taus.ToArray(), matrices.Values(name + ".tau"), 0, 1e-12);
            FactorCases.Near(report, name + ".Q", factors.Q(), matrices.Matrix(name + ".Q"), 1e-12);
        }
    }
}
