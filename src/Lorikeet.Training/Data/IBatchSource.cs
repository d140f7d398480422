namespace Lorikeet.Training;

/// <summary>Where a training run stands in its data.</summary>
/// <param name="Epoch">Passes that are finished.</param>
/// <param name="Item">Items of this pass that are used.</param>
public readonly record struct DataPosition(long Epoch, long Item)
{
    /// <summary>This position, if data of so many items has it: it may come from a file.</summary>
    /// <exception cref="ArgumentException">It lies outside.</exception>
    internal DataPosition Within(int items) => Epoch >= 0 && Item >= 0 && (Item < items || Item == 0)
        ? this
        : throw new ArgumentException($"the data has {items} items: there is no item {Item} of epoch {Epoch}");
}

/// <summary>An endless supply of batches that can be taken up again at any position.</summary>
public interface IBatchSource
{
    /// <summary>Where the next batch begins.</summary>
    /// <exception cref="ArgumentException">The data has no such position.</exception>
    DataPosition Position { get; set; }

    /// <summary>The next batch.</summary>
    Batch Next();
}
