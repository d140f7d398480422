namespace Lorikeet.Kernels;

/// <summary>How the factors of a low-rank adapter are kept for serving; arithmetic is float32 whatever the storage.</summary>
public enum FactorType : byte
{
    /// <summary>IEEE single precision, 4 bytes a number.</summary>
    F32,

    /// <summary>The upper half of a single, rounded to nearest even, 2 bytes a number: an error of at most 2^-8 of each number.</summary>
    BF16,

    /// <summary>
    /// Codes from -127 to 127, 1 byte a number, with one scale for each rank of each factor: an error of at most 1/254 of the largest number of
    /// that row of A or column of B.
    /// </summary>
    Int8,
}
