using System.Numerics;
using Lorikeet.Kernels;
using Lorikeet.Tensors.LinearAlgebra;

namespace Lorikeet.Cli.Verify.Linalg;

/// <summary>Fourier, cosine and Hadamard transforms, clustering.</summary>
internal static class TransformCases
{
    public static void Fourier(Matrices matrices, CaseReport report)
    {
        foreach (string name in matrices.Groups("fft_re"))
        {
            double[] re = matrices.Values(name + ".re"), im = matrices.Values(name + ".im");
            Complex[] both = [.. re.Zip(im, (r, i) => new Complex(r, i))], real = [.. re.Select(r => new Complex(r, 0))];
            Complex[] start = [.. both];
            Tensors.LinearAlgebra.Fourier.Transform(both);
            Tensors.LinearAlgebra.Fourier.Transform(real);
            Compare($"{name}.fft_re", [.. both.Select(c => c.Real)]);
            Compare($"{name}.fft_im", [.. both.Select(c => c.Imaginary)]);
            Compare($"{name}.rfft_re", [.. real.Take((re.Length / 2) + 1).Select(c => c.Real)]);
            Compare($"{name}.rfft_im", [.. real.Take((re.Length / 2) + 1).Select(c => c.Imaginary)]);
            Compare($"{name}.dct2", Tensors.LinearAlgebra.Fourier.Cosine(re));
            Compare($"{name}.dct3", Tensors.LinearAlgebra.Fourier.InverseCosine(re));
            Tensors.LinearAlgebra.Fourier.Transform(both, inverse: true);
            double largest = start.Max(c => c.Magnitude);
            report.Each($"{name}: inverse", [.. both.Select(c => c.Real)], [.. start.Select(c => c.Real)], 0, 1e-12 * largest);
        }
        foreach (string name in matrices.Groups("delta"))
        {
            Matrix64 delta = matrices.Matrix(name + ".delta"), gradient = matrices.Matrix(name + ".grad_delta");
            int[] indices = matrices.Integers(name + ".indices");
            double[] spectrum = matrices.Values(name + ".spectrum");
            double scaling = matrices.Small(name, "scaling");
            int rows = delta.Rows, columns = delta.Columns, count = spectrum.Length;
            Complex[] sparse = new Complex[rows * columns], back = [.. gradient.Data.ToArray().Select(g => new Complex(g, 0))];
            for (int l = 0; l < count; l++)
            {
                sparse[(indices[l] * columns) + indices[count + l]] += spectrum[l] * scaling;
            }
            Tensors.LinearAlgebra.Fourier.Transform2(sparse, rows, columns, inverse: true);
            Tensors.LinearAlgebra.Fourier.Transform2(back, rows, columns);
            Compare(name + ".delta", [.. sparse.Select(c => c.Real)]);
            double share = scaling / ((double)rows * columns);
            Compare(name + ".grad_spectrum", [.. Enumerable.Range(0, count).Select(l => back[(indices[l] * columns) + indices[count + l]].Real * share)]);
        }

        void Compare(string name, double[] got)
        {
            double[] expected = matrices.Values(name);
            report.Each(name, got, expected, 0, Math.Max(1e-12 * expected.Max(Math.Abs), 1e-14));
        }
    }

    public static void Hadamard(Matrices matrices, CaseReport report)
    {
        foreach ((string tensor, string size) in matrices.After("matrix"))
        {
            int n = int.Parse(size, System.Globalization.CultureInfo.InvariantCulture);
            Matrix64 identity = Matrix64.Identity(n);
            WalshHadamard.Transform(identity.Data, n);
            FactorCases.Near(report, tensor, identity.Scale(Math.Sqrt(n)), matrices.Matrix(tensor), 1e-13);
        }
        foreach (string name in matrices.Groups("x"))
        {
            Matrix64 x = matrices.Matrix(name + ".x");
            if (matrices.Has(name + ".signs"))
            {
                double[] signs = matrices.Values(name + ".signs");
                for (int i = 0; i < x.Data.Length; i++)
                {
                    x.Data[i] *= signs[i % x.Columns];
                }
            }
            WalshHadamard.Transform(x.Data, x.Columns & -x.Columns);
            FactorCases.Near(report, name + ".y", x, matrices.Matrix(name + ".y"), 1e-13 * Math.Max(1, x.LargestMagnitude()));
        }
    }

    public static void NormalFloat(Matrices matrices, CaseReport report)
    {
        CodeBook book = CodeBook.NF4;
        report.Each("table", TrainingReference.Wide(book.Values), matrices.Values("table"), 0, 0);
        float[] x = [.. matrices.Values("x").Select(v => (float)v)], largest = [.. matrices.Values("absmax").Select(v => (float)v)], restored = new float[x.Length];
        byte[] codes = new byte[x.Length], packed = new byte[x.Length / 2];
        float[] maxima = new float[largest.Length];
        int size = x.Length / largest.Length;
        FourBitBlocks.Quantise(x, book, size, packed, maxima);
        for (int block = 0; block < maxima.Length; block++)
        {
            book.Store(x.AsSpan(block * size, size), codes.AsSpan(block * size, size));
            book.Restore(codes.AsSpan(block * size, size), maxima[block], restored.AsSpan(block * size, size));
        }
        report.Each("absmax", TrainingReference.Wide(maxima), matrices.Values("absmax"), 0, 0);
        report.Each("codes", [.. codes.Select(c => (double)c)], matrices.Values("codes"), 0, 0);
        report.Each("packed", [.. packed.Select(c => (double)c)], matrices.Values("packed"), 0, 0);
        report.Each("dequantised", TrainingReference.Wide(restored), matrices.Values("dequantised"), 1e-7, 0);
        double[] borders = matrices.Values("boundaries"), values = TrainingReference.Wide(book.Values);
        report.Each("boundaries", [.. borders.Select((_, i) => (values[i] + values[i + 1]) / 2)], borders, 0, 1e-7);
    }

    public static void KMeans(Matrices matrices, CaseReport report)
    {
        foreach (string name in matrices.Groups("start"))
        {
            KMeans got = Tensors.LinearAlgebra.KMeans.Run(matrices.Matrix(name + ".X"), matrices.Matrix(name + ".start"));
            report.Equal(name + ".labels", got.Labels.AsSpan().SequenceEqual(matrices.Integers(name + ".labels")), "other labels");
            Matrix64 centres = matrices.Matrix(name + ".centres");
            FactorCases.Near(report, name + ".centres", got.Centres, centres, 1e-10 * centres.LargestMagnitude());
            report.Each(name + ".objective_per_iteration", [.. got.Objectives], matrices.Values(name + ".objective_per_iteration"), 1e-10, 0);
        }
    }
}
