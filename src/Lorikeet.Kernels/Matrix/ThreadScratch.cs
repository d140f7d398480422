using System.Runtime.InteropServices;

namespace Lorikeet.Kernels;

/// <summary>Three native buffers for each thread, aligned to a page, grown and never shrunk: what the matrix kernels expand and pack into.</summary>
/// <remarks>A chunk that holds a buffer must not call a kernel that takes it again: there is one of each for each thread.</remarks>
internal static unsafe class ThreadScratch
{
    private const nuint Page = 4096;

    [ThreadStatic]
    private static byte* buffer;

    [ThreadStatic]
    private static nuint capacity;

    [ThreadStatic]
    private static byte* callBuffer;

    [ThreadStatic]
    private static nuint callCapacity;

    [ThreadStatic]
    private static byte* keptBuffer;

    [ThreadStatic]
    private static nuint keptCapacity;

    [ThreadStatic]
    private static long keptKey;

    private static long keys;

    /// <summary>Room for so many keys of <see cref="Keep"/> that nobody else has.</summary>
    /// <param name="count">How many.</param>
    /// <returns>The first of them.</returns>
    public static long Keys(int count) => Interlocked.Add(ref keys, count) - count + 1;

    /// <summary>At least <paramref name="bytes"/> bytes for several chunks of a job: this thread's chunks find there what the first of them wrote.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="key">What it is, as <see cref="Keys"/> numbered it.</param>
    /// <param name="fresh">True: the caller must write it.</param>
    public static byte* Keep(nuint bytes, long key, out bool fresh)
    {
        fresh = keptKey != key;
        keptKey = key;
        return bytes <= keptCapacity ? keptBuffer : Grow(ref keptBuffer, ref keptCapacity, bytes);
    }

    /// <summary>At least <paramref name="bytes"/> bytes for a chunk of a job; what was in them is lost.</summary>
    public static byte* Take(nuint bytes) => bytes <= capacity ? buffer : Grow(ref buffer, ref capacity, bytes);

    /// <summary>At least <paramref name="bytes"/> bytes for a call that starts jobs: all their chunks may use them until the call returns.</summary>
    public static byte* TakeForCall(nuint bytes) => bytes <= callCapacity ? callBuffer : Grow(ref callBuffer, ref callCapacity, bytes);

    /// <summary>Frees this thread's buffers; a thread that ends calls it.</summary>
    public static void Release()
    {
        Free(ref buffer, ref capacity);
        Free(ref callBuffer, ref callCapacity);
        Free(ref keptBuffer, ref keptCapacity);
        keptKey = 0;
    }

    private static void Free(ref byte* memory, ref nuint bytes)
    {
        NativeMemory.AlignedFree(memory);
        memory = null;
        bytes = 0;
    }

    private static byte* Grow(ref byte* memory, ref nuint held, nuint bytes)
    {
        Free(ref memory, ref held);
        nuint rounded = (bytes + Page - 1) / Page * Page;
        memory = (byte*)NativeMemory.AlignedAlloc(rounded, Page);
        held = rounded;
        return memory;
    }
}
