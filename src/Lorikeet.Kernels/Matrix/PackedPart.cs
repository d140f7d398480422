#pragma warning disable CA1051 // A record of pointers that kernels index: fields, as in every job struct.

namespace Lorikeet.Kernels;

/// <summary>One of several packed matrices that are multiplied with the same rows; pointers stay valid and pinned for the call.</summary>
public unsafe struct PackedPart
{
    /// <summary>The packed matrix [outputs, inputs].</summary>
    public byte* Packed;

    /// <summary>Rows of the matrix, at least 1.</summary>
    public int Outputs;

    /// <summary>[rows, outputs], overwritten.</summary>
    public float* Y;

    /// <summary>FLoRA's factors around this product, of all rows; none by default.</summary>
    public HadamardSegments Around;

    /// <summary>What is done to the results before they leave the caches; nothing by default.</summary>
    /// <remarks>Where the second of two parts has the first one's result as its gate, both are made in equal ranges of columns by one thread.</remarks>
    public Epilogue After;

    /// <summary>Throws where a part's gate is another's result that is not made beside it.</summary>
    internal static void CheckGates(ReadOnlySpan<PackedPart> parts)
    {
        for (int i = 0; i < parts.Length; i++)
        {
            for (int j = 0; j < parts.Length && parts[i].After.Gate is not null; j++)
            {
                bool beside = parts.Length == 2 && i == 1 && parts[0].Outputs == parts[1].Outputs;
                if (parts[j].Y == parts[i].After.Gate && !beside)
                {
                    throw new ArgumentException(
                        $"part {i} of {parts.Length} has the result of part {j} as its gate; expected two parts of equal outputs, the gate first", nameof(parts));
                }
            }
        }
    }

    /// <summary>True where the second of two parts has the first one's result as its gate.</summary>
    internal static bool AreGated(PackedPart* parts, int count) => count == 2 && parts[1].After.Gate == parts[0].Y && parts[0].Outputs == parts[1].Outputs;
}
