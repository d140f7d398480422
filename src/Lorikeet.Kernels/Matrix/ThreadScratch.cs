using System.Runtime.InteropServices;

namespace Lorikeet.Kernels;

/// <summary>One native buffer for each thread, aligned to a page, grown and never shrunk: what the matrix kernels expand and pack into.</summary>
/// <remarks>A chunk that holds the buffer must not call a kernel that takes it again: there is one for each thread.</remarks>
internal static unsafe class ThreadScratch
{
    private const nuint Page = 4096;

    [ThreadStatic]
    private static byte* buffer;

    [ThreadStatic]
    private static nuint capacity;

    /// <summary>At least <paramref name="bytes"/> bytes of this thread's buffer; what was in it is lost.</summary>
    public static byte* Take(nuint bytes) => bytes <= capacity ? buffer : Grow(bytes);

    /// <summary>Frees this thread's buffer; a thread that ends calls it.</summary>
    public static void Release()
    {
        NativeMemory.AlignedFree(buffer);
        buffer = null;
        capacity = 0;
    }

    private static byte* Grow(nuint bytes)
    {
        Release();
        nuint rounded = (bytes + Page - 1) / Page * Page;
        buffer = (byte*)NativeMemory.AlignedAlloc(rounded, Page);
        capacity = rounded;
        return buffer;
    }
}
