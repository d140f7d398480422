using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using Lorikeet.Kernels;

namespace Lorikeet.Benchmarks;

/// <summary>What follows a product, at once or in passes of its own: silu(gate) o up of two products, and the codes of a norm's result.</summary>
public unsafe class FollowingProducts
{
    private float[] x = [], gate = [], up = [], y = [], scale = [];
    private byte[] first = [], second = [], coded = [], codes = [];
    private BlockPanels? panels;

    /// <summary>The sizes: S's gate and up at one row, a batch and a prompt.</summary>
    [ParamsSource(nameof(Sizes))]
    public ProductSize Size { get; set; } = new(1, 1, 1, "");

    /// <summary>How the weights are stored.</summary>
    [Params("bf16", "Q8_0")]
    public string Weights { get; set; } = "";

    /// <summary>All sizes.</summary>
    public static IEnumerable<ProductSize> Sizes => [new(1, 1536, 576, "S"), new(16, 1536, 576, "S"), new(256, 1536, 576, "S")];

    /// <summary>Packs both matrices.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        x = DenseProducts.Fill(Size.Rows * Size.Inputs);
        (gate, up, y) = (new float[Size.Rows * Size.Outputs], new float[Size.Rows * Size.Outputs], new float[Size.Rows * Size.Outputs]);
        scale = DenseProducts.Fill(Size.Inputs);
        coded = new byte[Size.Rows * CodedRows.RowBytes(Size.Inputs)];
        codes = new byte[Size.Rows * CodedRows.RowBytes(Size.Outputs)];
        CodedRows.Code(x, Size.Rows, Size.Inputs, coded);
        panels = BlockPanels.All.FirstOrDefault(p => p.Format.Name == Weights);
        (first, second) = (Pack(), Pack());
    }

    private byte[] Pack()
    {
        float[] weights = DenseProducts.Fill(Size.Outputs * Size.Inputs);
        if (panels is null)
        {
            byte[] dense = new byte[PackedMatrix.ByteLength(Size.Outputs, Size.Inputs, ElementType.BF16)];
            PackedMatrix.Pack(MemoryMarshal.AsBytes<float>(weights), ElementType.F32, Size.Outputs, Size.Inputs, dense, ElementType.BF16);
            return dense;
        }
        byte[] blocks = new byte[Size.Outputs * panels.Format.RowBytes(Size.Inputs)], packed = new byte[panels.ByteLength(Size.Outputs, Size.Inputs)];
        RowQuantiser.Run(panels.Format, weights, Size.Outputs, Size.Inputs, blocks);
        panels.Pack(blocks, Size.Outputs, Size.Inputs, packed);
        return packed;
    }

    /// <summary>Both products, then the activation; with coded weights the codes of its result after that.</summary>
    [Benchmark]
    public void Separate()
    {
        Multiply(default, gate, up);
        Elementwise.SwiGlu(gate, up, y);
        if (panels is not null)
        {
            CodedRows.Code(y, Size.Rows, Size.Outputs, codes);
        }
    }

    /// <summary>The same as one job.</summary>
    [Benchmark]
    public void AtOnce()
    {
        fixed (float* of = gate)
        fixed (byte* to = codes)
        {
            Multiply(new Epilogue { Activation = ActivationKind.Silu, Gate = of, Coded = panels is null ? null : to }, gate, up);
        }
    }

    /// <summary>A norm, then the codes of its result.</summary>
    [Benchmark]
    public void NormThenCode()
    {
        Norms.RmsNorm(x, scale, 1e-6f, Size.Inputs, x, []);
        CodedRows.Code(x, Size.Rows, Size.Inputs, coded);
    }

    /// <summary>The same in one pass.</summary>
    [Benchmark]
    public void NormAndCode() => Norms.Coded(x, scale, [], 1e-6f, Size.Inputs, false, x, coded);

    private void Multiply(in Epilogue after, float[] ofGate, float[] ofUp)
    {
        fixed (byte* left = first, right = second)
        fixed (float* y0 = ofGate, y1 = ofUp)
        {
            PackedPart* parts = stackalloc PackedPart[2];
            parts[0] = new PackedPart { Packed = left, Outputs = Size.Outputs, Y = y0 };
            parts[1] = new PackedPart { Packed = right, Outputs = Size.Outputs, Y = y1, After = after };
            ReadOnlySpan<PackedPart> both = new(parts, 2);
            if (panels is null)
            {
                PackedMatrix.MultiplyTogether(x, Size.Rows, Size.Inputs, ElementType.BF16, both);
            }
            else
            {
                panels.MultiplyCodedTogether(coded, Size.Rows, Size.Inputs, both);
            }
        }
    }
}
