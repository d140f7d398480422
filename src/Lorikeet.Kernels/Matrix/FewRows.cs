using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>The product of a few rows with a packed matrix: bound by reading the matrix, which is read once and straight through.</summary>
/// <remarks>One row runs four panels at once: eight chains hide the FMA latency. From two rows on, a panel at a time keeps up with memory.</remarks>
internal unsafe struct FewRows<TElement> : IJob
    where TElement : struct, IElement
{
    private const int Lanes = TileKernel.Lanes;

    // Panels one group takes; chunks are whole groups.
    private const int Group = 4;

    // Bytes to fetch ahead: the hardware's own streams stop at each page, and a tile's arithmetic does not look that far.
    private const int Ahead = 4096;

    // Bytes of one k.
    private static nint Step => Lanes * TElement.Size;

    private float* x;
    private int rows;
    private byte* packed;
    private int outputs;
    private int inputs;
    private float* y;
    private bool accumulate;
    private int panels;
    private int groups;
    private int chunks;

    public static void Run(float* x, int rows, byte* packed, int outputs, int inputs, float* y, bool accumulate)
    {
        int panels = PackedMatrix.PanelCount(outputs);
        int groups = (panels + Group - 1) / Group;
        double elements = (double)outputs * inputs;
        FewRows<TElement> job = new()
        {
            x = x,
            rows = rows,
            packed = packed,
            outputs = outputs,
            inputs = inputs,
            y = y,
            accumulate = accumulate,
            panels = panels,
            groups = groups,
            chunks = WorkSplit.Chunks(WorkSplit.Nanoseconds(elements * rows, elements * TElement.Size), groups),
        };
        Team.Shared.Run(ref job, job.chunks);
    }

    /// <inheritdoc/>
    public readonly void Execute(int chunk)
    {
        int panel = (int)((long)groups * chunk / chunks) * Group;
        int end = Math.Min(panels, (int)((long)groups * (chunk + 1) / chunks) * Group);
        int whole = Math.Min(end, outputs / Lanes);
        nint panelBytes = (nint)PackedMatrix.PanelBytes(inputs, TElement.Type);
        byte* weights = packed + panel * panelBytes;
        if (rows == 1)
        {
            for (; panel + 4 <= whole; panel += 4, weights += 4 * panelBytes)
            {
                FourPanels(x, weights, panelBytes, inputs, y + panel * Lanes, accumulate);
            }
        }
        for (; panel < end; panel++, weights += panelBytes)
        {
            int lanes = Math.Min(Lanes, outputs - panel * Lanes);
            int r = 0;
            while (r < rows)
            {
                int tile = TileKernel.Next(rows - r);
                float* from = x + (long)r * inputs;
                float* to = y + (long)r * outputs + panel * Lanes;
                if (lanes == Lanes)
                {
                    TileKernel.Run<TElement>(tile, from, inputs, weights, Step, inputs, to, outputs, accumulate, weights + Ahead, Step);
                }
                else
                {
                    TileKernel.RunEdge<TElement>(tile, from, inputs, weights, Step, inputs, to, outputs, lanes, accumulate, weights + Ahead, Step);
                }
                r += tile;
            }
        }
    }

    private static void FourPanels(float* x, byte* w0, nint panelBytes, int depth, float* y, bool load)
    {
        byte* w1 = w0 + panelBytes;
        byte* w2 = w1 + panelBytes;
        byte* w3 = w2 + panelBytes;
        Vector256<float> a0, b0, a1, b1, a2, b2, a3, b3;
        a0 = b0 = a1 = b1 = a2 = b2 = a3 = b3 = Vector256<float>.Zero;
        if (load)
        {
            a0 = Avx.LoadVector256(y);
            b0 = Avx.LoadVector256(y + 8);
            a1 = Avx.LoadVector256(y + 16);
            b1 = Avx.LoadVector256(y + 24);
            a2 = Avx.LoadVector256(y + 32);
            b2 = Avx.LoadVector256(y + 40);
            a3 = Avx.LoadVector256(y + 48);
            b3 = Avx.LoadVector256(y + 56);
        }
        nint at = 0;
        nint k = 0;
        Vector256<float> value;
        for (; k + 2 <= depth; k += 2, at += 2 * Step)
        {
            Sse.Prefetch0(w0 + at + Ahead);
            Sse.Prefetch0(w1 + at + Ahead);
            Sse.Prefetch0(w2 + at + Ahead);
            Sse.Prefetch0(w3 + at + Ahead);
            if (TElement.Size == sizeof(float))
            {
                Sse.Prefetch0(w0 + at + Step + Ahead);
                Sse.Prefetch0(w1 + at + Step + Ahead);
                Sse.Prefetch0(w2 + at + Step + Ahead);
                Sse.Prefetch0(w3 + at + Step + Ahead);
            }
            value = Avx.BroadcastScalarToVector256(x + k);
            a0 = Fma.MultiplyAdd(value, TElement.Even(w0 + at), a0);
            b0 = Fma.MultiplyAdd(value, TElement.Even(w0 + at + 32), b0);
            a1 = Fma.MultiplyAdd(value, TElement.Even(w1 + at), a1);
            b1 = Fma.MultiplyAdd(value, TElement.Even(w1 + at + 32), b1);
            a2 = Fma.MultiplyAdd(value, TElement.Even(w2 + at), a2);
            b2 = Fma.MultiplyAdd(value, TElement.Even(w2 + at + 32), b2);
            a3 = Fma.MultiplyAdd(value, TElement.Even(w3 + at), a3);
            b3 = Fma.MultiplyAdd(value, TElement.Even(w3 + at + 32), b3);
            value = Avx.BroadcastScalarToVector256(x + k + 1);
            a0 = Fma.MultiplyAdd(value, TElement.Odd(w0 + at, Step), a0);
            b0 = Fma.MultiplyAdd(value, TElement.Odd(w0 + at + 32, Step), b0);
            a1 = Fma.MultiplyAdd(value, TElement.Odd(w1 + at, Step), a1);
            b1 = Fma.MultiplyAdd(value, TElement.Odd(w1 + at + 32, Step), b1);
            a2 = Fma.MultiplyAdd(value, TElement.Odd(w2 + at, Step), a2);
            b2 = Fma.MultiplyAdd(value, TElement.Odd(w2 + at + 32, Step), b2);
            a3 = Fma.MultiplyAdd(value, TElement.Odd(w3 + at, Step), a3);
            b3 = Fma.MultiplyAdd(value, TElement.Odd(w3 + at + 32, Step), b3);
        }
        if (k < depth)
        {
            value = Avx.BroadcastScalarToVector256(x + k);
            a0 = Fma.MultiplyAdd(value, TElement.Even(w0 + at), a0);
            b0 = Fma.MultiplyAdd(value, TElement.Even(w0 + at + 32), b0);
            a1 = Fma.MultiplyAdd(value, TElement.Even(w1 + at), a1);
            b1 = Fma.MultiplyAdd(value, TElement.Even(w1 + at + 32), b1);
            a2 = Fma.MultiplyAdd(value, TElement.Even(w2 + at), a2);
            b2 = Fma.MultiplyAdd(value, TElement.Even(w2 + at + 32), b2);
            a3 = Fma.MultiplyAdd(value, TElement.Even(w3 + at), a3);
            b3 = Fma.MultiplyAdd(value, TElement.Even(w3 + at + 32), b3);
        }
        Avx.Store(y, a0);
        Avx.Store(y + 8, b0);
        Avx.Store(y + 16, a1);
        Avx.Store(y + 24, b1);
        Avx.Store(y + 32, a2);
        Avx.Store(y + 40, b2);
        Avx.Store(y + 48, a3);
        Avx.Store(y + 56, b3);
    }
}
