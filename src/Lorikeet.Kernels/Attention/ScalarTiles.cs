namespace Lorikeet.Kernels;

/// <summary>The reference: one query, one key and one element at a time.</summary>
internal readonly unsafe struct ScalarTiles : ITileKernels
{
    private const int Tile = Attention.Tile;

    public static void Scores(float* q0, float* q1, float* q2, int count, float* keys, int headDim, float* s)
    {
        for (int q = 0; q < count; q++)
        {
            float* query = q == 0 ? q0 : q == 1 ? q1 : q2;
            for (int j = 0; j < Tile; j++)
            {
                float sum = 0;
                for (int d = 0; d < headDim; d++)
                {
                    sum = MathF.FusedMultiplyAdd(query[d], keys[(d * Tile) + j], sum);
                }
                s[(q * Tile) + j] = sum;
            }
        }
    }

    public static float Softmax(float* s, int lo, int hi, float scale, ref float most, ref float sum)
    {
        float next = most;
        for (int j = lo; j < hi; j++)
        {
            s[j] *= scale;
            next = s[j] > next ? s[j] : next;
        }
        for (int j = 0; j < Tile; j++)
        {
            s[j] = j >= lo && j < hi ? LaneMath.Exp(new One(s[j] - next)).Value : 0f;
        }
        float factor = next == most ? 1f : LaneMath.Exp(new One(most - next)).Value;
        sum = MathF.FusedMultiplyAdd(sum, factor, Fold.Tree(s));
        most = next;
        return factor;
    }

    public static void SoftmaxBackward(float* s, float* d, float* factors, int lo, int hi, float scale, float logSumExp, float dot)
    {
        for (int j = 0; j < Tile; j++)
        {
            bool seen = j >= lo && j < hi;
            s[j] = seen ? LaneMath.Exp(new One((scale * s[j]) - logSumExp)).Value : 0f;
            d[j] = seen ? s[j] * (d[j] - dot) * factors[j] : 0f;
        }
    }

    public static void Bend(in ScoreCurve curve, float* s, float* factors, int head, int first, int position) =>
        curve.Apply<One>(s, factors, head, first, position);

    public static void Accumulate(
        float* to0, float* to1, float* to2, int count, Weights weights, float* vectors, nint vectorStride, int lo, int hi, int width)
    {
        for (int q = 0; q < count; q++)
        {
            float* to = q == 0 ? to0 : q == 1 ? to1 : to2;
            float* w = q == 0 ? weights.W0 : q == 1 ? weights.W1 : weights.W2;
            float factor = q == 0 ? weights.Factor0 : q == 1 ? weights.Factor1 : weights.Factor2;
            for (int c = 0; c < width; c++)
            {
                float sum = to[c] * factor;
                for (int j = lo; j < hi; j++)
                {
                    sum = MathF.FusedMultiplyAdd(w[j * weights.Stride], vectors[(j * vectorStride) + c], sum);
                }
                to[c] = sum;
            }
        }
    }

    public static void Transpose(float* from, nint stride, int rows, int width, float* to, int column)
    {
        for (int d = 0; d < width; d++)
        {
            for (int j = 0; j < rows; j++)
            {
                to[(d * Tile) + column + j] = from[(j * stride) + d];
            }
        }
    }
}
