using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using Lorikeet.Kernels;

namespace Lorikeet.Benchmarks;

/// <summary>S's gate and up with an adapter for each row, at once or as jobs of their own: the products, the low-rank changes, silu(gate) o up.</summary>
public unsafe class ChangedProducts
{
    private const int Outputs = 1536, Inputs = 576, Rank = 16;

    private float[] x = [], gate = [], up = [], room = [];
    private byte[] weights = [], factors = [];
    private LowRankSegment[] segments = [];

    /// <summary>Rows, each with an adapter of its own.</summary>
    [Params(1, 16, 64)]
    public int Rows { get; set; }

    /// <summary>How factors are kept.</summary>
    [Params(FactorType.BF16, FactorType.Int8)]
    public FactorType Type { get; set; }

    /// <summary>Packs a matrix and the factors.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        x = DenseProducts.Fill(Rows * Inputs);
        (gate, up) = (new float[Rows * Outputs], new float[Rows * Outputs]);
        weights = new byte[PackedMatrix.ByteLength(Outputs, Inputs, ElementType.BF16)];
        PackedMatrix.Pack(MemoryMarshal.AsBytes<float>(DenseProducts.Fill(Outputs * Inputs)), ElementType.F32, Outputs, Inputs, weights, ElementType.BF16);
        int each = (int)LowRank.ByteLength(Rank, Inputs, Outputs, Type);
        factors = GC.AllocateUninitializedArray<byte>(2 * Rows * each, pinned: true);
        segments = GC.AllocateUninitializedArray<LowRankSegment>(2 * Rows, pinned: true);
        for (int i = 0; i < segments.Length; i++)
        {
            LowRank.Pack(DenseProducts.Fill(Rank * Inputs), DenseProducts.Fill(Outputs * Rank), Rank, Inputs, Outputs, Type, factors.AsSpan(i * each, each));
            byte* own = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(factors, i * each);
            segments[i] = new() { Row = i % Rows, Rows = 1, Site = i / Rows, Rank = Rank, Type = Type, Scale = 1f, Factors = own };
        }
        room = new float[LowRankChanges.RoomFloats(segments)];
    }

    /// <summary>Both products, then their changes, then the activation.</summary>
    [Benchmark(Baseline = true)]
    public void Separate()
    {
        fixed (float* of = gate, to = up)
        {
            Multiply(of, to, null, default);
            LowRankResult* results = stackalloc LowRankResult[2];
            results[0] = new() { Y = of, Rows = Rows, Outputs = Outputs };
            results[1] = new() { Y = to, Rows = Rows, Outputs = Outputs };
            LowRank.Apply(segments, x, Inputs, new ReadOnlySpan<LowRankResult>(results, 2));
        }
        Elementwise.SwiGlu(gate, up, up);
    }

    /// <summary>The same as one job.</summary>
    [Benchmark]
    public void AtOnce()
    {
        fixed (float* of = gate, to = up, left = x, space = room)
        fixed (LowRankSegment* list = segments)
        {
            LowRankChanges changes = new() { First = list, Count = segments.Length, X = left, Inputs = Inputs, Room = space };
            Multiply(of, to, &changes, new Epilogue { Activation = ActivationKind.Silu, Gate = of, Site = 1 });
        }
    }

    private void Multiply(float* of, float* to, LowRankChanges* changes, Epilogue after)
    {
        fixed (byte* packed = weights)
        {
            PackedPart* parts = stackalloc PackedPart[2];
            parts[0] = new PackedPart { Packed = packed, Outputs = Outputs, Y = of, After = new() { Changes = changes } };
            after.Changes = changes;
            parts[1] = new PackedPart { Packed = packed, Outputs = Outputs, Y = to, After = after };
            PackedMatrix.MultiplyTogether(x, Rows, Inputs, ElementType.BF16, new ReadOnlySpan<PackedPart>(parts, 2));
        }
    }
}
