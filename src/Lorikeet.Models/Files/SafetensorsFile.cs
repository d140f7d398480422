using System.Buffers;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Lorikeet.Kernels;

namespace Lorikeet.Models.Files;

/// <summary>A safetensors file, its header checked whole before any tensor is read; mapped into memory, or read piece by piece.</summary>
/// <remarks>
/// The format: 8 bytes of header length (little-endian), a JSON header, the tensors' bytes without gaps.
/// See https://github.com/huggingface/safetensors. The file must not be shortened while it is mapped: the operating system ends the process that
/// reads what is gone. Files that others may change are opened with <see cref="OpenUnmapped"/>.
/// </remarks>
public sealed unsafe class SafetensorsFile : IStoredTensors
{
    private const int PieceBytes = 1 << 18;
    private readonly Dictionary<string, StoredTensor> byName;
    private readonly MemoryMappedFile? mapping;
    private readonly MemoryMappedViewAccessor? view;
    private readonly FileStream? unmapped;
    private readonly Dictionary<string, byte[]> pieces = [];
    private byte* start;
    private bool disposed;

    private SafetensorsFile(string path, SafetensorsHeader header)
    {
        FilePath = path;
        Metadata = header.Metadata;
        Tensors = header.Tensors;
        byName = header.Tensors.ToDictionary(t => t.Name);
    }

    private SafetensorsFile(string path, SafetensorsHeader header, FileStream unmapped)
        : this(path, header) => this.unmapped = unmapped;

    private SafetensorsFile(string path, SafetensorsHeader header, MemoryMappedFile mapping, long length)
        : this(path, header)
    {
        this.mapping = mapping;
        view = mapping.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        byte* at = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref at);
        start = at + view.PointerOffset;
    }

    /// <summary>Where the file is.</summary>
    public string FilePath { get; }

    /// <summary>The strings of the header's <c>__metadata__</c>; empty where it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors in the order of their bytes.</summary>
    public IReadOnlyList<StoredTensor> Tensors { get; }

    /// <summary>Maps and checks a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="BadFileException">The file is absent or breaks any rule of the format.</exception>
    public static SafetensorsFile Open(string path)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            long length = file.Length;
            SafetensorsHeader header = SafetensorsHeader.Read(file, path, length);
            MemoryMappedFile mapping =
                MemoryMappedFile.CreateFromFile(file, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            try
            {
                return new SafetensorsFile(path, header, mapping, length);
            }
            catch
            {
                mapping.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is IOException and not BadFileException or UnauthorizedAccessException or ArgumentException)
        {
            throw new BadFileException($"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Checks a file and reads its tensors as they are asked for: one that is shortened meanwhile is an error and not the end of the process.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="BadFileException">The file is absent or breaks any rule of the format.</exception>
    public static SafetensorsFile OpenUnmapped(string path)
    {
        FileStream? file = null;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return new SafetensorsFile(path, SafetensorsHeader.Read(file, path, file.Length), file);
        }
        catch (Exception e)
        {
            file?.Dispose();
            if (e is IOException and not BadFileException or UnauthorizedAccessException or ArgumentException)
            {
                throw new BadFileException($"{path} cannot be read: {e.Message}", e);
            }
            throw;
        }
    }

    /// <summary>Finds a tensor by name.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="tensor">The tensor; null where there is none of that name.</param>
    public bool TryGet(string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out StoredTensor? tensor) => byName.TryGetValue(name, out tensor);

    /// <summary>The bytes of a tensor: where the file is mapped, a view that ends with <see cref="Dispose"/>.</summary>
    /// <param name="t">A tensor of this file.</param>
    /// <exception cref="BadFileException">The tensor has more than 2^31 - 1 bytes, which one span cannot hold; or the file, not mapped, was shortened.</exception>
    public ReadOnlySpan<byte> Bytes(StoredTensor t)
    {
        Check(t);
        if (unmapped is null)
        {
            return new ReadOnlySpan<byte>(start + t.Offset, (int)t.ByteLength);
        }
        if (!pieces.TryGetValue(t.Name, out byte[]? piece))
        {
            piece = GC.AllocateUninitializedArray<byte>((int)t.ByteLength);
            Fill(unmapped, t, 0, piece);
            pieces.Add(t.Name, piece);
        }
        return piece;
    }

    /// <summary>Reads the bytes of a tensor; several threads may read at once.</summary>
    /// <param name="t">A tensor of this file.</param>
    /// <param name="to">Receives all of them; as long as the tensor.</param>
    /// <exception cref="BadFileException">The file, not mapped, was shortened.</exception>
    public void Read(StoredTensor t, Span<byte> to)
    {
        Check(t);
        if (to.Length != t.ByteLength)
        {
            throw new ArgumentException($"tensor {t.Name} has {t.ByteLength} bytes, the destination {to.Length}; they must be equal", nameof(to));
        }
        if (unmapped is null)
        {
            new ReadOnlySpan<byte>(start + t.Offset, to.Length).CopyTo(to);
            return;
        }
        Fill(unmapped, t, 0, to);
    }

    /// <summary>Reads a tensor as float32, whatever float type it is stored as.</summary>
    /// <param name="t">A tensor of this file of type F32, BF16, F16 or F64.</param>
    /// <param name="to">Receives all its numbers, in the file's order; as long as the tensor.</param>
    /// <exception cref="BadFileException">The tensor is stored as integers, booleans or 8-bit floats.</exception>
    public void ReadSingle(StoredTensor t, Span<float> to)
    {
        if (to.Length != t.Count)
        {
            throw new ArgumentException($"tensor {t.Name} has {t.Count} numbers, the destination {to.Length}; they must be equal", nameof(to));
        }
        ReadSingle(t, 0, to);
    }

    /// <summary>Reads a part of a tensor as float32, for example a row.</summary>
    /// <param name="t">A tensor of this file of type F32, BF16, F16 or F64.</param>
    /// <param name="first">The first number of the part, in the file's order.</param>
    /// <param name="to">Receives as many numbers as it has room for.</param>
    /// <exception cref="BadFileException">The tensor is stored as integers, booleans or 8-bit floats.</exception>
    public void ReadSingle(StoredTensor t, long first, Span<float> to)
    {
        Check(t);
        if (first < 0 || first > t.Count - to.Length)
        {
            throw new ArgumentException($"tensor {t.Name} has {t.Count} numbers; there are no {to.Length} from {first} on", nameof(first));
        }
        int size = t.Type.Size();
        if (unmapped is null)
        {
            ToSingle(t, new ReadOnlySpan<byte>(start + t.Offset + (first * size), to.Length * size), to);
            return;
        }
        byte[] piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            for (int done = 0; done < to.Length;)
            {
                int count = Math.Min(to.Length - done, PieceBytes / size);
                Span<byte> bytes = piece.AsSpan(0, count * size);
                Fill(unmapped, t, (first + done) * size, bytes);
                ToSingle(t, bytes, to.Slice(done, count));
                done += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    /// <summary>The kernels' element type of a tensor that can be used without conversion.</summary>
    /// <param name="type">The stored type.</param>
    /// <returns>Null for types that kernels do not multiply.</returns>
    public static ElementType? ToElementType(StoredType type) => type switch
    {
        StoredType.F32 => ElementType.F32,
        StoredType.BF16 => ElementType.BF16,
        StoredType.F16 => ElementType.F16,
        _ => null,
    };

    /// <summary>Ends the mapping; no span of <see cref="Bytes"/> may be used afterwards.</summary>
    public void Dispose()
    {
        if (disposed)
        {
            return;
        }
        disposed = true;
        unmapped?.Dispose();
        if (start != null)
        {
            start = null;
            view!.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            mapping!.Dispose();
        }
    }

    private void Check(StoredTensor t)
    {
        ArgumentNullException.ThrowIfNull(t);
        ObjectDisposedException.ThrowIf(disposed, this);
        if (!byName.TryGetValue(t.Name, out StoredTensor? mine) || mine.Offset != t.Offset || mine.ByteLength != t.ByteLength)
        {
            throw new ArgumentException($"tensor {t.Name} is not one of {FilePath}", nameof(t));
        }
        if (t.ByteLength > int.MaxValue)
        {
            throw new BadFileException($"{FilePath}: tensor {t.Name} has {t.ByteLength} bytes; at most {int.MaxValue} a tensor are read. Split it.");
        }
    }

    private void Fill(FileStream from, StoredTensor t, long offset, Span<byte> to)
    {
        long at = t.Offset + offset;
        while (to.Length > 0)
        {
            int read;
            try
            {
                read = RandomAccess.Read(from.SafeFileHandle, to, at);
            }
            catch (IOException e)
            {
                throw new BadFileException($"{FilePath} cannot be read: {e.Message}", e);
            }
            if (read == 0)
            {
                throw new BadFileException($"{FilePath} was shortened while it was read: tensor {t.Name} is not all there.");
            }
            to = to[read..];
            at += read;
        }
    }

    private void ToSingle(StoredTensor t, ReadOnlySpan<byte> bytes, Span<float> to)
    {
        if (ToElementType(t.Type) is { } type)
        {
            Casting.ToSingle(bytes, type, to);
            return;
        }
        if (t.Type != StoredType.F64)
        {
            throw new BadFileException($"{FilePath}: tensor {t.Name} is stored as {t.Type.Name()}; expected F32, BF16, F16 or F64.");
        }
        ReadOnlySpan<double> doubles = MemoryMarshal.Cast<byte, double>(bytes);
        for (int i = 0; i < to.Length; i++)
        {
            to[i] = (float)doubles[i];
        }
    }
}
