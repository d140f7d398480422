using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>The "orthogonal" start: A = (G Q_odd)^T / 10 and B = G' Q_even / 10, Q orthogonal [r, r], so that B A = 0 with neither zero.</summary>
internal static class OrthogonalStart
{
    public static void FillA(CounterRandom basis, CounterRandom own, Span<float> a, int rank, int inputs) =>
        Fill(basis, own, a, rank, inputs, first: 0, transposed: true);

    public static void FillB(CounterRandom basis, CounterRandom own, Span<float> b, int outputs, int rank) =>
        Fill(basis, own, b, rank, outputs, first: 1, transposed: false);

    private static void Fill(CounterRandom basis, CounterRandom own, Span<float> to, int rank, int length, int first, bool transposed)
    {
        if (rank % 2 != 0)
        {
            throw new NotSupportedException($"init_lora_weights 'orthogonal' needs an even rank, found {rank}");
        }
        double[][] q = Basis(basis, rank);
        float[] g = new float[length * (rank / 2)];
        own.FillNormal(g, 1f);
        for (int i = 0; i < length; i++)
        {
            for (int k = 0; k < rank; k++)
            {
                double sum = 0;
                for (int j = 0; j < rank / 2; j++)
                {
                    sum += g[(i * (rank / 2)) + j] * q[(2 * j) + first][k];
                }
                to[transposed ? (k * length) + i : (i * rank) + k] = (float)(sum / 10);
            }
        }
    }

    /// <summary>Orthonormal rows from normal numbers, by Gram-Schmidt done twice.</summary>
    private static double[][] Basis(CounterRandom random, int rank)
    {
        float[] numbers = new float[rank * rank];
        random.FillNormal(numbers, 1f);
        double[][] rows = new double[rank][];
        for (int i = 0; i < rank; i++)
        {
            rows[i] = [.. numbers.AsSpan(i * rank, rank).ToArray().Select(v => (double)v)];
            for (int pass = 0; pass < 2; pass++)
            {
                for (int j = 0; j < i; j++)
                {
                    double dot = rows[i].Zip(rows[j], (x, y) => x * y).Sum();
                    for (int k = 0; k < rank; k++)
                    {
                        rows[i][k] -= dot * rows[j][k];
                    }
                }
            }
            double length = Math.Sqrt(rows[i].Sum(v => v * v));
            for (int k = 0; k < rank; k++)
            {
                rows[i][k] /= length;
            }
        }
        return rows;
    }
}
