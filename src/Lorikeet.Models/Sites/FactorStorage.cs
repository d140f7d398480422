namespace Lorikeet.Models;

/// <summary>How an adapter's low-rank factors are kept while it serves.</summary>
public enum FactorStorage
{
    /// <summary>Without loss in the least memory: bfloat16 where every number is one (as adapters trained in bfloat16 are), else float32.</summary>
    Exact,

    /// <summary>Float32.</summary>
    F32,

    /// <summary>bfloat16, rounded to nearest even.</summary>
    BF16,

    /// <summary>8-bit codes with a scale for each rank of each factor.</summary>
    Int8,
}
