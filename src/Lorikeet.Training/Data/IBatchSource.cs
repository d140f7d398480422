namespace Lorikeet.Training;

/// <summary>Where a training run stands in its data.</summary>
/// <param name="Epoch">Passes that are finished.</param>
/// <param name="Item">Items of this pass that are used.</param>
public readonly record struct DataPosition(long Epoch, long Item);

/// <summary>An endless supply of batches that can be taken up again at any position.</summary>
public interface IBatchSource
{
    /// <summary>Where the next batch begins.</summary>
    DataPosition Position { get; set; }

    /// <summary>The next batch.</summary>
    Batch Next();
}
