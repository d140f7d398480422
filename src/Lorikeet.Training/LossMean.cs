namespace Lorikeet.Training;

/// <summary>What a step's loss is the mean of.</summary>
public enum LossMean
{
    /// <summary>All targets of the optimiser step, over all its micro-batches (what Transformers 5 does).</summary>
    Tokens,

    /// <summary>The micro-batches' own means (older trainers, most hand-written loops).</summary>
    MicroBatches,
}
