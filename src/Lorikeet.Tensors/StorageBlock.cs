namespace Lorikeet.Tensors;

/// <summary>Memory for many storages that live and go together, side by side and in large pages: it is freed when it was closed and the last of them is freed.</summary>
/// <remarks>Its memory lay ready (<see cref="ReadyMemory"/>) or is new, and is kept for the next block when it is gone.</remarks>
/// <param name="bytes">Its size; what finds no room in it gets memory of its own.</param>
public sealed class StorageBlock(long bytes) : IDisposable
{
    private readonly LargePages.Region region = LargePages.Open(bytes);
    private bool closed;

    /// <summary>The next storage; its content is undefined. Several threads may ask at once.</summary>
    /// <param name="bytes">Its size.</param>
    public Storage Take(long bytes)
    {
        ObjectDisposedException.ThrowIf(closed, this);
        return new Storage(bytes, region);
    }

    /// <summary>Says that no more storages will be taken.</summary>
    public void Dispose()
    {
        if (!closed)
        {
            closed = true;
            region.Close();
        }
    }
}
