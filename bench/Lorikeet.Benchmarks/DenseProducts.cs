using BenchmarkDotNet.Attributes;
using Lorikeet.Kernels;

namespace Lorikeet.Benchmarks;

/// <summary>A linear layer's forward and the gradient of its input, with packed weights.</summary>
public class DenseProducts
{
    private float[] x = [];
    private float[] y = [];
    private byte[] packed = [];

    /// <summary>The sizes.</summary>
    [ParamsSource(nameof(Sizes))]
    public ProductSize Size { get; set; } = new(1, 1, 1, "");

    /// <summary>The stored format of the weights.</summary>
    [Params(ElementType.F32, ElementType.BF16)]
    public ElementType Type { get; set; }

    /// <summary>All sizes.</summary>
    public static IEnumerable<ProductSize> Sizes => ProductSize.All();

    /// <summary>Packs a matrix.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        x = Fill(Size.Rows * Size.Inputs);
        y = Fill(Size.Rows * Size.Outputs);
        packed = new byte[PackedMatrix.ByteLength(Size.Outputs, Size.Inputs, Type)];
        float[] weights = Fill(Size.Outputs * Size.Inputs);
        PackedMatrix.Pack(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(weights), ElementType.F32, Size.Outputs, Size.Inputs, packed, Type);
    }

    /// <summary>y = x W^T.</summary>
    [Benchmark]
    public void Forward() => PackedMatrix.Multiply(x, Size.Rows, packed, Type, Size.Outputs, Size.Inputs, y);

    /// <summary>dx = dy W.</summary>
    [Benchmark]
    public void Transposed() => PackedMatrix.MultiplyTransposed(y, Size.Rows, packed, Type, Size.Outputs, Size.Inputs, x);

    /// <summary>Small numbers of both signs, the same in every run.</summary>
    internal static float[] Fill(int count)
    {
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = (((i * 37) % 101) - 50) / 500f;
        }
        return values;
    }
}
