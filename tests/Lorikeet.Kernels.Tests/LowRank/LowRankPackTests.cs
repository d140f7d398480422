using System.Runtime.InteropServices;

namespace Lorikeet.Kernels.Tests;

/// <summary>Packed factors, number by number, against the places that the layout states.</summary>
public class LowRankPackTests
{
    public static TheoryData<int, int, int> Sizes
    {
        get
        {
            TheoryData<int, int, int> sizes = [];
            foreach (int rank in (int[])[1, 2, 3, 4, 5, 8, 11, 15, 16, 17, 20, 24, 33, 40])
            {
                sizes.Add(rank, 1 + (rank * 7 % 40), 1 + (rank * 13 % 50));
                sizes.Add(rank, 128 + rank, 16);
                sizes.Add(rank, 300, 47);
            }
            return sizes;
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Every_number_is_in_its_place_and_the_rest_is_zero(int rank, int inputs, int outputs)
    {
        float[] a = MatrixData.Numbers(rank * inputs, 1), b = MatrixData.Numbers(outputs * rank, 2);
        foreach (FactorType type in (FactorType[])[FactorType.F32, FactorType.BF16])
        {
            Assert.Equal(Expected(a, b, rank, inputs, outputs, type), Packed(a, b, rank, inputs, outputs, type));
        }
        byte[] int8 = Packed(a, b, rank, inputs, outputs, FactorType.Int8);
        FactorLayout layout = new(rank, inputs, outputs, FactorType.Int8);
        for (int j = 0; j < rank; j++)
        {
            float most = a.AsSpan(j * inputs, inputs).ToArray().Max(Math.Abs);
            for (int k = 0; k < inputs; k++)
            {
                long at = (j / 16 * layout.PanelBytesA) + layout.Place(k, j % 16, layout.LanesOf(j / 16));
                Assert.Equal(MathF.Round(a[(j * inputs) + k] / (most / 127f)), (sbyte)int8[at]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Stored_halves_are_packed_as_the_numbers_that_they_are(int rank, int inputs, int outputs)
    {
        float[] a = MatrixData.Rounded(MatrixData.Numbers(rank * inputs, 3), ElementType.BF16), b = MatrixData.Rounded(MatrixData.Numbers(outputs * rank, 4), ElementType.BF16);
        byte[] packed = new byte[LowRank.ByteLength(rank, inputs, outputs, FactorType.BF16)];
        Array.Fill(packed, (byte)0xFF);
        LowRank.PackHalves(Halves(a), Halves(b), rank, inputs, outputs, packed);
        Assert.Equal(Packed(a, b, rank, inputs, outputs, FactorType.BF16), packed);
        Assert.Throws<ArgumentException>(() => LowRank.PackHalves(new ushort[(rank * inputs) - 1], Halves(b), rank, inputs, outputs, new byte[1 << 20]));
        Assert.Throws<ArgumentException>(() => LowRank.PackHalves(Halves(a), new ushort[(rank * outputs) - 1], rank, inputs, outputs, new byte[1 << 20]));
        Assert.Throws<ArgumentException>(() => LowRank.PackHalves(Halves(a), Halves(b), rank, inputs, outputs, new byte[LowRank.ByteLength(rank, inputs, outputs, FactorType.BF16) - 1]));
    }

    private static byte[] Packed(float[] a, float[] b, int rank, int inputs, int outputs, FactorType type)
    {
        byte[] packed = new byte[LowRank.ByteLength(rank, inputs, outputs, type)];
        Array.Fill(packed, (byte)0xFF);
        LowRank.Pack(a, b, rank, inputs, outputs, type, packed);
        return packed;
    }

    private static byte[] Expected(float[] a, float[] b, int rank, int inputs, int outputs, FactorType type)
    {
        FactorLayout layout = new(rank, inputs, outputs, type);
        byte[] packed = new byte[layout.Bytes];
        for (int j = 0; j < rank; j++)
        {
            for (int k = 0; k < inputs; k++)
            {
                Put(j / 16 * layout.PanelBytesA, layout.Place(k, j % 16, layout.LanesOf(j / 16)), a[(j * inputs) + k]);
            }
        }
        for (int o = 0; o < outputs; o++)
        {
            for (int j = 0; j < rank; j++)
            {
                Put(layout.OffsetB + (o / 16 * layout.PanelBytesB), layout.Place(j, o % 16, 16), b[(o * rank) + j]);
            }
        }
        return packed;

        void Put(long panel, long place, float value)
        {
            Span<byte> to = packed.AsSpan((int)(panel + (place * layout.Size)));
            if (type == FactorType.F32)
            {
                MemoryMarshal.Write(to, value);
            }
            else
            {
                Casting.FromSingle([value], ElementType.BF16, to);
            }
        }
    }

    private static ushort[] Halves(float[] values)
    {
        byte[] stored = new byte[2 * values.Length];
        Casting.FromSingle(values, ElementType.BF16, stored);
        return MemoryMarshal.Cast<byte, ushort>(stored).ToArray();
    }
}
