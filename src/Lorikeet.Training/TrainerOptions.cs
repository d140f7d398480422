using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>How a trainer trains.</summary>
public sealed record TrainerOptions
{
    /// <summary>Micro-batches in an optimiser step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>What the loss is the mean of.</summary>
    public LossMean Mean { get; init; } = LossMean.Tokens;

    /// <summary>Recompute each block in backward instead of keeping its values.</summary>
    public bool Checkpointing { get; init; }

    /// <summary>Where dropout's masks come from.</summary>
    public CounterRandom Random { get; init; } = new(0);

    /// <summary>What happens around each step, in order.</summary>
    public IReadOnlyList<IStepRule> Rules { get; init; } = [];

    /// <summary>The decay of moving averages of everything that trains; null: none are kept.</summary>
    public double? Average { get; init; }

    /// <summary>The processes that train together; null: this one alone.</summary>
    public IRanks? Ranks { get; init; }
}
