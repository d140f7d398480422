using BenchmarkDotNet.Attributes;
using Lorikeet.Kernels;

namespace Lorikeet.Benchmarks;

/// <summary>Kernels that read and write each element about once: norms, the gated activation, softmax, cross-entropy.</summary>
public class RowKernels
{
    private float[] x = [], y = [], gate = [], weight = [], losses = [];
    private int[] targets = [];

    /// <summary>The sizes.</summary>
    [ParamsSource(nameof(Sizes))]
    public RowsSize Size { get; set; } = new(1, 1, "");

    /// <summary>A decode batch and a prompt of S and M, and an odd size.</summary>
    public static IEnumerable<RowsSize> Sizes => [new(8, 576, "S"), new(256, 1536, "S"), new(256, 5632, "M"), new(33, 517, "odd")];

    /// <summary>Fills the inputs.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        int count = Size.Rows * Size.Width;
        (x, gate, y) = (DenseProducts.Fill(count), DenseProducts.Fill(count), new float[count]);
        weight = DenseProducts.Fill(Size.Width);
        losses = new float[Size.Rows];
        targets = [.. Enumerable.Range(0, Size.Rows)];
    }

    /// <summary>RMSNorm of each row.</summary>
    [Benchmark]
    public void RmsNorm() => Norms.RmsNorm(x, weight, 1e-6f, Size.Width, y, []);

    /// <summary>silu(gate) * up.</summary>
    [Benchmark]
    public void SwiGlu() => Elementwise.SwiGlu(gate, x, y);

    /// <summary>Softmax of each row.</summary>
    [Benchmark]
    public void SoftmaxRows() => Softmax.Rows(x, Size.Width, y);

    /// <summary>The loss of each row, without its gradient.</summary>
    [Benchmark]
    public void Loss() => CrossEntropy.Rows(x, Size.Width, targets, [], losses, gradient: false);
}
