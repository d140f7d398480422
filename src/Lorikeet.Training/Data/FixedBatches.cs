namespace Lorikeet.Training;

/// <summary>Batches that are made already, in their order, over and over.</summary>
/// <param name="batches">At least one.</param>
public sealed class FixedBatches(IReadOnlyList<Batch> batches) : IBatchSource
{
    /// <inheritdoc/>
    public DataPosition Position { get; set => field = value.Within(batches.Count); }

    /// <inheritdoc/>
    public Batch Next()
    {
        Batch batch = batches[(int)Position.Item];
        long next = Position.Item + 1;
        Position = next < batches.Count ? Position with { Item = next } : new DataPosition(Position.Epoch + 1, 0);
        return batch;
    }
}
