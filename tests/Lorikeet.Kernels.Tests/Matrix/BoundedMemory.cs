using System.Runtime.InteropServices;

namespace Lorikeet.Kernels.Tests;

/// <summary>Memory that ends where a page without any access begins, or starts right after one: a stray read or write ends the test run.</summary>
internal sealed unsafe partial class BoundedMemory<T> : IDisposable
    where T : unmanaged
{
    private const int ProtectNone = 0;
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;

    private readonly byte* mapping;
    private readonly nuint mapped;
    private readonly T* first;
    private readonly int length;

    /// <param name="length">Elements.</param>
    /// <param name="guardBefore">The guard lies before the first element instead of behind the last.</param>
    public BoundedMemory(int length, bool guardBefore = false)
    {
        nuint page = (nuint)Environment.SystemPageSize;
        nuint bytes = (nuint)length * (nuint)sizeof(T);
        nuint body = (bytes + page - 1) / page * page;
        mapped = body + 2 * page;
        mapping = (byte*)Native.Map(null, mapped, ReadWrite, PrivateAnonymous, -1, 0);
        Assert.True((nint)mapping != -1, $"mmap of {mapped} bytes failed");
        Assert.Equal(0, Native.Protect(mapping, page, ProtectNone));
        Assert.Equal(0, Native.Protect(mapping + page + body, page, ProtectNone));
        first = (T*)(guardBefore ? mapping + page : mapping + page + body - bytes);
        this.length = length;
    }

    public Span<T> Span => new(first, length);

    public T* Pointer => first;

    public void Dispose() => Assert.Equal(0, Native.Unmap(mapping, mapped));
}

internal static unsafe partial class Native
{
    [LibraryImport("libc", EntryPoint = "mmap")]
    public static partial void* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    public static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    public static partial int Unmap(void* address, nuint length);
}
