namespace Lorikeet.Tensors;

/// <summary>Counts the memory of the gradients of parameters that one tape records.</summary>
internal sealed class GradientMeter
{
    private long bytes;

    /// <summary>The most bytes that were held at once.</summary>
    public long PeakBytes { get; private set; }

    public void Add(long more)
    {
        bytes += more;
        PeakBytes = Math.Max(PeakBytes, bytes);
    }
}
