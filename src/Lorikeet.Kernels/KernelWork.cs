namespace Lorikeet.Kernels;

/// <summary>Counts what products were asked for since the process began: an answer to "how much", where a clock answers "how fast".</summary>
/// <remarks>Attention, norms and element-wise work are not counted. Counters never go back; take differences.</remarks>
public static class KernelWork
{
    private static long fused;
    private static long weightBytes;

    /// <summary>Fused multiply-adds (two operations each), or the integer ones that stand for them.</summary>
    public static long Fused => Interlocked.Read(ref fused);

    /// <summary>Bytes of weights and factors that were streamed through: each matrix once for all rows of a product.</summary>
    public static long WeightBytes => Interlocked.Read(ref weightBytes);

    internal static void Count(long rows, long outputs, long inputs, double bytes)
    {
        if (rows > 0)
        {
            Interlocked.Add(ref fused, rows * outputs * inputs);
            Interlocked.Add(ref weightBytes, (long)bytes);
        }
    }
}
