using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Packs the factors of one adapter's forms: it knows how they are kept, and in whose memory.</summary>
/// <remarks>Factors that lie in a file in the type they are kept in go from there to their place: no float32 number is made of them.</remarks>
/// <param name="storage">How the numbers are kept.</param>
/// <param name="memory">Where they are put; null: each pair in memory of its own.</param>
public sealed class FactorPacker(FactorStorage storage, StorageBlock? memory = null)
{
    /// <summary>How the numbers are kept.</summary>
    public FactorStorage Storage => storage;

    /// <summary>Packs a low-rank change for the grouped kernel; several threads may pack at once.</summary>
    /// <param name="a">A, [r, inputs].</param>
    /// <param name="b">B, [outputs, r].</param>
    /// <param name="scale">s.</param>
    public LowRankPart LowRank(Parameter a, Parameter b, float scale)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.Unread is not { } sourceA || b.Unread is not { } sourceB)
        {
            return LowRank(a.Value, b.Value, scale);
        }
        int rank = a.Shape.Rows, inputs = a.Shape.Width, outputs = b.Shape.Rows;
        if ((storage is FactorStorage.Exact or FactorStorage.BF16) && sourceA.Type == ElementType.BF16 && sourceB.Type == ElementType.BF16)
        {
            using Numbers<ushort> storedA = new(a.Shape.Length), storedB = new(b.Shape.Length);
            sourceA.Read(MemoryMarshal.AsBytes(storedA.Span));
            sourceB.Read(MemoryMarshal.AsBytes(storedB.Span));
            Storage factors = Take(Kernels.LowRank.ByteLength(rank, inputs, outputs, FactorType.BF16));
            Kernels.LowRank.PackHalves(storedA.Span, storedB.Span, rank, inputs, outputs, factors.Span);
            return new LowRankPart(factors, FactorType.BF16, rank, scale);
        }
        using Numbers<float> readA = new(a.Shape.Length), readB = new(b.Shape.Length);
        sourceA.ReadSingle(readA.Span);
        sourceB.ReadSingle(readB.Span);
        return LowRank(readA.Span, readB.Span, rank, inputs, outputs, scale);
    }

    /// <summary>Packs a low-rank change for the grouped kernel; several threads may pack at once.</summary>
    /// <param name="a">A, [r, inputs].</param>
    /// <param name="b">B, [outputs, r].</param>
    /// <param name="scale">s.</param>
    public LowRankPart LowRank(in Tensor a, in Tensor b, float scale) => LowRank(a.Span, b.Span, a.Rows, a.Width, b.Rows, scale);

    /// <summary>Packs factors around the shared product; several threads may pack at once.</summary>
    /// <param name="a">A, [r, outputs].</param>
    /// <param name="b">B transposed, [r, inputs].</param>
    /// <param name="scale">1/r for the mean, 1 for the sum, s for the residual form.</param>
    /// <param name="addsBase">True: the product of the row as it is is added too (the residual form).</param>
    public HadamardPart Hadamard(in Tensor a, in Tensor b, float scale, bool addsBase)
    {
        FactorType type = TypeOf(a.Span, b.Span);
        Storage factors = Take(Kernels.Hadamard.ByteLength(b.Rows, b.Width, a.Width, type));
        try
        {
            Kernels.Hadamard.Pack(a.Span, b.Span, b.Rows, b.Width, a.Width, type, factors.Span);
        }
        catch
        {
            factors.Dispose();
            throw;
        }
        return new HadamardPart(factors, type, b.Rows, scale, addsBase);
    }

    private LowRankPart LowRank(ReadOnlySpan<float> a, ReadOnlySpan<float> b, int rank, int inputs, int outputs, float scale)
    {
        FactorType type = TypeOf(a, b);
        Storage factors = Take(Kernels.LowRank.ByteLength(rank, inputs, outputs, type));
        try
        {
            Kernels.LowRank.Pack(a, b, rank, inputs, outputs, type, factors.Span);
        }
        catch
        {
            factors.Dispose();
            throw;
        }
        return new LowRankPart(factors, type, rank, scale);
    }

    private Storage Take(long bytes) => memory?.Take(bytes) ?? new Storage(bytes);

    private FactorType TypeOf(ReadOnlySpan<float> a, ReadOnlySpan<float> b) => storage switch
    {
        FactorStorage.F32 => FactorType.F32,
        FactorStorage.BF16 => FactorType.BF16,
        FactorStorage.Int8 => FactorType.Int8,
        _ => IsBrief(a) && IsBrief(b) ? FactorType.BF16 : FactorType.F32,
    };

    /// <summary>True where every number is a bfloat16: the lower half of each word is zero.</summary>
    private static bool IsBrief(ReadOnlySpan<float> numbers)
    {
        ReadOnlySpan<Vector<uint>> wide = MemoryMarshal.Cast<float, Vector<uint>>(numbers);
        Vector<uint> mask = new(0xFFFF);
        for (int i = 0; i < wide.Length; i++)
        {
            if ((wide[i] & mask) != Vector<uint>.Zero)
            {
                return false;
            }
        }
        foreach (float number in numbers[(wide.Length * Vector<uint>.Count)..])
        {
            if ((BitConverter.SingleToUInt32Bits(number) & 0xFFFF) != 0)
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Numbers for a moment, in memory that was touched before.</summary>
    private readonly ref struct Numbers<T>(long count)
    {
        private readonly T[] rented = ArrayPool<T>.Shared.Rent(checked((int)count));

        public Span<T> Span => rented.AsSpan(0, (int)count);

        public void Dispose() => ArrayPool<T>.Shared.Return(rented);
    }
}
