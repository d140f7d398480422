namespace Lorikeet.Kernels.Tests;

[Collection("team")]
public unsafe class MatrixProductTests
{
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 1, 1, 1 }, { 3, 5, 7 }, { 6, 16, 16 }, { 7, 17, 19 }, { 13, 33, 300 }, { 64, 8, 70 }, { 8, 90, 530 }, { 251, 40, 9 }, { 2, 3, 0 }, { 100, 257, 64 },
    };

    private static void Call(
        KernelVariant variant, float* a, bool transposeA, float* b, bool transposeB, float* c, int m, int n, int k, float scale, bool accumulate)
    {
        if (variant == KernelVariant.Avx512)
        {
            MatrixProduct.MultiplyAvx512(a, transposeA, b, transposeB, c, m, n, k, scale, accumulate);
        }
        else if (variant == KernelVariant.Avx2)
        {
            MatrixProduct.MultiplyAvx2(a, transposeA, b, transposeB, c, m, n, k, scale, accumulate);
        }
        else
        {
            MatrixProduct.MultiplyScalar(a, transposeA, b, transposeB, c, m, n, k, scale, accumulate);
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Equals_the_double_oracle_and_all_variants_and_teams_agree_by_bits(int m, int n, int k)
    {
        float[] a = MatrixData.Numbers(m * k, 1);
        float[] b = MatrixData.Numbers(k * n, 2);
        float[] start = MatrixData.Numbers(m * n, 3);
        for (int options = 0; options < 16; options++)
        {
            bool transposeA = (options & 1) != 0;
            bool transposeB = (options & 2) != 0;
            bool accumulate = (options & 4) != 0;
            float scale = (options & 8) != 0 ? 0.37f : 1f;
            float[] reference = Run(KernelVariant.Scalar);
            for (int i = 0; i < m; i++)
            {
                for (int j = 0; j < n; j++)
                {
                    double sum = accumulate ? start[i * n + j] : 0;
                    double magnitude = Math.Abs(sum);
                    for (int l = 0; l < k; l++)
                    {
                        double term = (double)scale * a[transposeA ? l * m + i : i * k + l] * b[transposeB ? j * k + l : l * n + j];
                        sum += term;
                        magnitude += Math.Abs(term);
                    }
                    MatrixData.Near(sum, magnitude, reference[i * n + j], $"[{i}, {j}] options {options}");
                }
            }
            MatrixData.EachTeam(threads =>
            {
                foreach (KernelVariant variant in MatrixData.Variants)
                {
                    MatrixData.SameBits(reference, Run(variant), $"{variant} options {options} threads {threads}");
                }
            });

            float[] Run(KernelVariant variant)
            {
                float[] c = [.. start];
                if (!accumulate)
                {
                    c.AsSpan().Fill(float.NaN);
                }
                fixed (float* left = a)
                fixed (float* right = b)
                fixed (float* to = c)
                {
                    Call(variant, left, transposeA, right, transposeB, to, m, n, k, scale, accumulate);
                }
                return c;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Nothing_outside_the_spans_is_read_or_written(int m, int n, int k)
    {
        foreach (bool before in new[] { false, true })
        {
            using BoundedMemory<float> a = new(m * k, before);
            using BoundedMemory<float> b = new(k * n, before);
            using BoundedMemory<float> c = new(m * n, before);
            foreach (KernelVariant variant in MatrixData.Variants)
            {
                for (int options = 0; options < 8; options++)
                {
                    Call(variant, a.Pointer, (options & 1) != 0, b.Pointer, (options & 2) != 0, c.Pointer, m, n, k, 0.5f, (options & 4) != 0);
                }
            }
        }
    }

    [Fact]
    public void A_row_is_the_same_bits_whatever_rows_stand_around_it()
    {
        const int M = 60;
        const int N = 45;
        const int K = 400;
        float[] a = MatrixData.Numbers(M * K, 4);
        float[] b = MatrixData.Numbers(N * K, 5);
        float[] all = new float[M * N];
        MatrixProduct.Multiply(a, false, b, true, all, M, N, K);
        float[] one = new float[N];
        for (int row = 0; row < M; row++)
        {
            MatrixProduct.Multiply(a.AsSpan(row * K, K), false, b, true, one, 1, N, K);
            MatrixData.SameBits(all.AsSpan(row * N, N), one, $"row {row}");
        }
    }

    [Fact]
    public void Short_spans_are_named_with_their_stored_shape()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => MatrixProduct.Multiply(new float[6], true, new float[5], true, new float[4], 2, 2, 3));
        Assert.Contains("b has 5 elements, [n, k] takes 6", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => MatrixProduct.Multiply([], false, [], false, [], -1, 0, 0));
    }
}
