namespace Lorikeet.Kernels;

/// <summary>The arithmetic of attention on one tile of 32 keys; all variants give the same bits.</summary>
internal unsafe interface ITileKernels
{
    /// <summary>
    /// <c>s[q][j] = sum over d of query q [d] * keys[d][j]</c> for <paramref name="count"/> (1 to 3) queries and the 32 keys of a tile
    /// stored [headDim][32]; one chain over ascending d each.
    /// </summary>
    static abstract void Scores(float* q0, float* q1, float* q2, int count, float* keys, int headDim, float* s);

    /// <summary>
    /// One step of the online softmax (Milakov and Gimelshein 2018, arXiv:1805.02867) over the keys lo &lt;= j &lt; hi: scores become
    /// <c>e^(scale s - m)</c> with the new running maximum m, the others 0, and <paramref name="sum"/> follows. Returns the factor of what
    /// was accumulated under the old maximum.
    /// </summary>
    static abstract float Softmax(float* s, int lo, int hi, float scale, ref float most, ref float sum);

    /// <summary>
    /// <c>s = e^(scale s - logSumExp)</c> and <c>d = factor_j s (d - dot)</c> for the keys lo &lt;= j &lt; hi, 0 for the others: the
    /// probabilities again, and the gradient of the products.
    /// </summary>
    static abstract void SoftmaxBackward(float* s, float* d, float* factors, int lo, int hi, float scale, float logSumExp, float dot);

    /// <summary><see cref="ScoreCurve.Apply"/> on a tile of 32 products.</summary>
    static abstract void Bend(in ScoreCurve curve, float* s, float* factors, int head, int first, int position);

    /// <summary>
    /// <c>to_q[c] = factor_q to_q[c]</c>, then <c>to_q[c] += weights_q[j weightStride] * vectors[j vectorStride + c]</c> for ascending j,
    /// lo &lt;= j &lt; hi, one chain each, for <paramref name="count"/> (1 to 3) results of <paramref name="width"/> elements.
    /// </summary>
    static abstract void Accumulate(
        float* to0, float* to1, float* to2, int count, Weights weights, float* vectors, nint vectorStride, int lo, int hi, int width);

    /// <summary>Transposes <paramref name="rows"/> (1 to 32) rows of <paramref name="width"/> elements into [width][32] at columns from
    /// <paramref name="column"/>.</summary>
    static abstract void Transpose(float* from, nint stride, int rows, int width, float* to, int column);
}

/// <summary>The weights of up to three results of <see cref="ITileKernels.Accumulate"/>, and what each result is multiplied by
/// first.</summary>
internal unsafe struct Weights
{
    public float* W0;
    public float* W1;
    public float* W2;
    public nint Stride;
    public float Factor0;
    public float Factor1;
    public float Factor2;
}
