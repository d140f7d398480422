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

    /// <summary>Throws where low-rank changes are not those of all parts, or reach beyond the rows; counts their work.</summary>
    internal static void CheckChanges(ReadOnlySpan<PackedPart> parts, int rows, int inputs)
    {
        LowRankChanges* changes = parts.IsEmpty ? null : parts[0].After.Changes;
        for (int i = 0; i < parts.Length; i++)
        {
            if (parts[i].After.Changes != changes || (changes is not null && parts[i].After.Site != i))
            {
                throw new ArgumentException($"part {i} has site {parts[i].After.Site} of other low-rank changes than part 0; expected one record for all parts, and the part's number", nameof(parts));
            }
        }
        if (changes is null)
        {
            return;
        }
        if (changes->X is null || changes->Room is null || changes->Inputs != inputs)
        {
            throw new ArgumentException($"low-rank changes read rows of {changes->Inputs} from {(changes->X is null ? "nowhere" : "x")}; expected the product's rows of {inputs}, and room", nameof(parts));
        }
        for (int i = 0; i < changes->Count; i++)
        {
            ref readonly LowRankSegment segment = ref changes->First[i];
            LowRank.Check(segment, i, rows);
            if ((uint)segment.Site >= (uint)parts.Length)
            {
                throw new ArgumentException($"segment {i} adds to site {segment.Site}, the call has {parts.Length} products", nameof(parts));
            }
            LowRank.Count(segment, inputs, parts[segment.Site].Outputs);
        }
    }

    /// <summary>True where the second of two parts has the first one's result as its gate.</summary>
    internal static bool AreGated(PackedPart* parts, int count) => count == 2 && parts[1].After.Gate == parts[0].Y && parts[0].Outputs == parts[1].Outputs;
}
