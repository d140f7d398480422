using System.Runtime.InteropServices;

namespace Lorikeet.Kernels.Tests.Rows;

/// <summary>Floats that end where a page begins that nobody may touch: one read or write past the end ends the process.</summary>
internal sealed unsafe partial class GuardedFloats : IDisposable
{
    private const int Page = 65_536;
    private readonly byte* memory;
    private readonly int length;

    public GuardedFloats(int length)
    {
        this.length = length;
        // Private, anonymous; the first half readable and writable.
        memory = (byte*)Map(null, 2 * Page, 0, 0x22, -1, 0);
        if ((nint)memory == -1 || Protect(memory, Page, 3) != 0)
        {
            throw new InvalidOperationException("mmap or mprotect refused two pages");
        }
    }

    public Span<float> Span => new(memory + Page - (length * 4), length);

    public void Dispose() => _ = Unmap(memory, 2 * Page);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
