using System.Numerics;

namespace Lorikeet.Tensors.LinearAlgebra;

/// <summary>Discrete Fourier and cosine transforms of any length.</summary>
public static class Fourier
{
    /// <summary>X[k] = sum over t of x[t] exp(-2 pi i k t / n); the inverse has the other sign and 1/n.</summary>
    /// <remarks>Powers of two by halves (Cooley and Tukey 1965); other lengths as a convolution of such a length (Bluestein 1970).</remarks>
    /// <param name="x">[n], changed in place.</param>
    /// <param name="inverse">The inverse transform.</param>
    public static void Transform(Span<Complex> x, bool inverse = false)
    {
        if (BitOperations.IsPow2(x.Length))
        {
            Halves(x, inverse ? 1 : -1);
        }
        else if (x.Length > 0)
        {
            Convolve(x, inverse ? 1 : -1);
        }
        if (inverse)
        {
            foreach (ref Complex value in x)
            {
                value /= x.Length;
            }
        }
    }

    /// <summary>The transform of rows and then columns of a matrix.</summary>
    /// <param name="x">[rows, columns], changed in place.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="inverse">The inverse transform.</param>
    public static void Transform2(Span<Complex> x, int rows, int columns, bool inverse = false)
    {
        Complex[] column = new Complex[rows];
        for (int row = 0; row < rows; row++)
        {
            Transform(x.Slice(row * columns, columns), inverse);
        }
        for (int c = 0; c < columns; c++)
        {
            for (int row = 0; row < rows; row++)
            {
                column[row] = x[(row * columns) + c];
            }
            Transform(column, inverse);
            for (int row = 0; row < rows; row++)
            {
                x[(row * columns) + c] = column[row];
            }
        }
    }

    /// <summary>The orthonormal cosine transform (DCT-II): X[k] = s[k] sum over t of x[t] cos(pi k (2t + 1) / 2n), s[0] = sqrt(1/n), else sqrt(2/n).</summary>
    /// <param name="x">[n].</param>
    public static double[] Cosine(ReadOnlySpan<double> x)
    {
        int n = x.Length;
        // A sequence and its mirror have a real transform up to half a sample.
        Complex[] both = new Complex[2 * n];
        for (int t = 0; t < n; t++)
        {
            both[t] = both[(2 * n) - 1 - t] = x[t];
        }
        Transform(both);
        double[] to = new double[n];
        for (int k = 0; k < n; k++)
        {
            to[k] = (both[k] * Complex.FromPolarCoordinates(1, -Math.PI * k / (2 * n))).Real / 2 * Weight(k, n);
        }
        return to;
    }

    /// <summary>The inverse of <see cref="Cosine"/> (DCT-III).</summary>
    /// <param name="x">[n].</param>
    public static double[] InverseCosine(ReadOnlySpan<double> x)
    {
        int n = x.Length;
        Complex[] both = new Complex[2 * n];
        for (int k = 0; k < n; k++)
        {
            both[k] = x[k] * Weight(k, n) * Complex.FromPolarCoordinates(1, Math.PI * k / (2 * n));
        }
        Transform(both, inverse: true);
        double[] to = new double[n];
        for (int t = 0; t < n; t++)
        {
            to[t] = both[t].Real * 2 * n;
        }
        return to;
    }

    private static double Weight(int k, int n) => Math.Sqrt((k == 0 ? 1.0 : 2.0) / n);

    private static void Halves(Span<Complex> x, int sign)
    {
        int n = x.Length;
        for (int i = 1, j = 0; i < n; i++)
        {
            int bit = n >> 1;
            for (; (j & bit) != 0; bit >>= 1)
            {
                j ^= bit;
            }
            j ^= bit;
            if (i < j)
            {
                (x[i], x[j]) = (x[j], x[i]);
            }
        }
        for (int length = 2; length <= n; length *= 2)
        {
            for (int k = 0; k < length / 2; k++)
            {
                Complex turn = Complex.FromPolarCoordinates(1, sign * 2 * Math.PI * k / length);
                for (int start = k; start < n; start += length)
                {
                    Complex even = x[start], odd = x[start + (length / 2)] * turn;
                    (x[start], x[start + (length / 2)]) = (even + odd, even - odd);
                }
            }
        }
    }

    // k t = (k^2 + t^2 - (k - t)^2) / 2 turns the sum into a convolution with a chirp.
    private static void Convolve(Span<Complex> x, int sign)
    {
        int n = x.Length, size = (int)BitOperations.RoundUpToPowerOf2((uint)((2 * n) - 1));
        Complex[] chirp = new Complex[n], a = new Complex[size], b = new Complex[size];
        for (int i = 0; i < n; i++)
        {
            // i^2 modulo 2n keeps the angle small and exact.
            chirp[i] = Complex.FromPolarCoordinates(1, sign * Math.PI * ((long)i * i % (2 * n)) / n);
            a[i] = x[i] * chirp[i];
            b[i] = b[(size - i) % size] = Complex.Conjugate(chirp[i]);
        }
        Halves(a, -1);
        Halves(b, -1);
        for (int i = 0; i < size; i++)
        {
            a[i] *= b[i];
        }
        Halves(a, 1);
        for (int i = 0; i < n; i++)
        {
            x[i] = a[i] / size * chirp[i];
        }
    }
}
