using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Bench;

/// <summary>The usual way to serve many LoRA adapters at once, as a peer to measure against: factors padded to one rank and stacked, one batched product.</summary>
/// <remarks>h[b] = A[b] x[b] and y[b] += s B[b] h[b] for each sequence b of the batch, like torch.bmm: every sequence multiplies its own copy.</remarks>
internal sealed unsafe class PaddedBatchLora(int batch, int rank, int inputs, int outputs, CounterRandom random) : SiteAdapter
{
    private readonly Storage a = Filled((long)batch * rank * inputs, random.Named("a"));
    private readonly Storage b = Filled((long)batch * rank * outputs, random.Named("b"));

    /// <inheritdoc/>
    public override Tensor Forward(in SiteCall call)
    {
        Tensor x = call.X, y = call.Base();
        int rows = x.Rows / batch;
        Tensor h = call.Run.Allocate(x.Rows, rank);
        Job job = new()
        {
            X = x.Pointer,
            Y = y.Pointer,
            H = h.Pointer,
            A = (float*)a.Pointer,
            B = (float*)b.Pointer,
            Rows = rows,
            Rank = rank,
            Inputs = inputs,
            Outputs = outputs,
        };
        Team.Shared.Run(ref job, batch);
        return y;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        a.Dispose();
        b.Dispose();
    }

    private static Storage Filled(long length, CounterRandom random)
    {
        Storage storage = new(length * sizeof(float));
        random.FillUniform(new Span<float>(storage.Pointer, checked((int)length)), -0.01f, 0.01f);
        return storage;
    }

    private struct Job : IJob
    {
        public float* X;
        public float* Y;
        public float* H;
        public float* A;
        public float* B;
        public int Rows;
        public int Rank;
        public int Inputs;
        public int Outputs;

        public readonly void Execute(int chunk)
        {
            ReadOnlySpan<float> own = new(A + ((long)chunk * Rank * Inputs), Rank * Inputs);
            ReadOnlySpan<float> back = new(B + ((long)chunk * Rank * Outputs), Rank * Outputs);
            ReadOnlySpan<float> x = new(X + ((long)chunk * Rows * Inputs), Rows * Inputs);
            Span<float> h = new(H + ((long)chunk * Rows * Rank), Rows * Rank);
            Span<float> y = new(Y + ((long)chunk * Rows * Outputs), Rows * Outputs);
            MatrixProduct.Multiply(x, false, own, true, h, Rows, Rank, Inputs);
            MatrixProduct.Multiply(h, false, back, false, y, Rows, Outputs, Rank, 1f, true);
        }
    }
}
