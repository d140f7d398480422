using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using Lorikeet.Kernels;

namespace Lorikeet.Benchmarks;

/// <summary>Attention as serving runs it: rows of eight sequences over keys and values in pages.</summary>
public unsafe class PagedAttentionKernels
{
    private const int Count = 8;
    private readonly PagedSequence[] sequences = new PagedSequence[Count];
    private float[] q = [], y = [];
    private float* memory;
    private float** tables;
    private AttentionShape shape;

    /// <summary>The sizes.</summary>
    [ParamsSource(nameof(Sizes))]
    public AttentionSize Size { get; set; } = new(1, 0, 1, 1, 1, "");

    /// <summary>Decode after 500 positions and a chunk of a prompt, of S and of M, and an odd size.</summary>
    public static IEnumerable<AttentionSize> Sizes =>
    [
        new(1, 500, 9, 3, 64, "S"), new(64, 192, 9, 3, 64, "S"), new(1, 500, 32, 4, 64, "M"), new(5, 77, 6, 2, 40, "odd"),
    ];

    /// <summary>Fills the pages.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        shape = new AttentionShape(Size.Heads, Size.KeyHeads, Size.HeadDim, 1f / MathF.Sqrt(Size.HeadDim));
        q = DenseProducts.Fill(Count * Size.Rows * Size.Heads * Size.HeadDim);
        y = new float[q.Length];
        int pages = (Size.Past + Size.Rows + Attention.Tile - 1) / Attention.Tile, floats = PagedAttention.PageFloats(Size.KeyHeads, Size.HeadDim);
        memory = (float*)NativeMemory.AlignedAlloc((nuint)Count * (nuint)pages * (nuint)floats * sizeof(float), 64);
        DenseProducts.Fill(Count * pages * floats).CopyTo(new Span<float>(memory, Count * pages * floats));
        tables = (float**)NativeMemory.Alloc((nuint)(Count * pages * sizeof(float*)));
        for (int s = 0; s < Count; s++)
        {
            for (int p = 0; p < pages; p++)
            {
                tables[(s * pages) + p] = memory + ((nint)((s * pages) + p) * floats);
            }
            sequences[s] = new PagedSequence { Row = s * Size.Rows, Rows = Size.Rows, Start = Size.Past, Pages = tables + (s * pages) };
        }
    }

    /// <summary>Frees the pages.</summary>
    [GlobalCleanup]
    public void CleanUp()
    {
        NativeMemory.AlignedFree(memory);
        NativeMemory.Free(tables);
    }

    /// <summary>All rows of eight sequences (the rate counts one of them).</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public void Forward() => PagedAttention.Forward(shape, sequences, q, y);
}
