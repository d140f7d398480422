using System.IO.MemoryMappedFiles;
using Lorikeet.Kernels;

namespace Lorikeet.Models.Files;

/// <summary>A GGUF file, mapped into memory and checked whole before any tensor is read: metadata, and tensors that may be quantised.</summary>
/// <remarks>Versions 2 and 3, little-endian. The file must not be shortened while it is mapped.</remarks>
public sealed unsafe class GgufFile : IDisposable
{
    private readonly Dictionary<string, GgufTensor> byName;
    private readonly MemoryMappedFile mapping;
    private readonly MemoryMappedViewAccessor view;
    private byte* start;

    private GgufFile(string path, MemoryMappedFile mapping, long length)
    {
        FilePath = path;
        this.mapping = mapping;
        view = mapping.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        byte* at = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref at);
        start = at + view.PointerOffset;
        try
        {
            GgufHeader header = GgufHeader.Read(start, length, path);
            Version = header.Version;
            Alignment = header.Alignment;
            DataOffset = header.DataOffset;
            Metadata = header.Metadata;
            Tensors = header.Tensors;
            byName = header.Tensors.ToDictionary(t => t.Name);
        }
        catch
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            throw;
        }
    }

    /// <summary>Where the file is.</summary>
    public string FilePath { get; }

    /// <summary>2 or 3.</summary>
    public int Version { get; }

    /// <summary>What every tensor's offset is a multiple of, in bytes.</summary>
    public int Alignment { get; }

    /// <summary>The first byte after the header.</summary>
    public long DataOffset { get; }

    /// <summary>The metadata in the order of the file.</summary>
    public IReadOnlyDictionary<string, GgufValue> Metadata { get; }

    /// <summary>The tensors in the order of the header.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary>True where a file starts with the format's magic bytes.</summary>
    /// <param name="path">The file; false where it is absent or a folder.</param>
    public static bool Is(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            Span<byte> magic = stackalloc byte[4];
            return file.ReadAtLeast(magic, 4, throwOnEndOfStream: false) == 4 && magic.SequenceEqual("GGUF"u8);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadFileException($"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Maps and checks a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="BadFileException">The file is absent or breaks any rule of the format.</exception>
    public static GgufFile Open(string path)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            long length = file.Length;
            if (length < 24)
            {
                throw new BadFileException($"{path} is not a GGUF file: it has {length} bytes, the smallest has 24.");
            }
            MemoryMappedFile mapping =
                MemoryMappedFile.CreateFromFile(file, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            try
            {
                return new GgufFile(path, mapping, length);
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

    /// <summary>Finds a tensor by name.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="tensor">The tensor; null where there is none of that name.</param>
    public bool TryGet(string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out GgufTensor? tensor) => byName.TryGetValue(name, out tensor);

    /// <summary>The bytes of some rows of a tensor: a view into the mapping that ends with <see cref="Dispose"/>.</summary>
    /// <param name="t">A tensor of this file.</param>
    /// <param name="first">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <exception cref="BadFileException">They have more than 2^31 - 1 bytes, which one span cannot hold.</exception>
    public ReadOnlySpan<byte> Bytes(GgufTensor t, long first, long rows)
    {
        ArgumentNullException.ThrowIfNull(t);
        ObjectDisposedException.ThrowIf(start == null, this);
        if (!byName.TryGetValue(t.Name, out GgufTensor? mine) || !ReferenceEquals(mine, t))
        {
            throw new ArgumentException($"tensor {t.Name} is not one of {FilePath}", nameof(t));
        }
        if (first < 0 || rows < 0 || first > t.Rows - rows)
        {
            throw new ArgumentException($"tensor {t.Name} has {t.Rows} rows; there are no {rows} from {first} on", nameof(first));
        }
        long row = t.Rows == 0 ? 0 : t.ByteLength / t.Rows;
        return rows * row <= int.MaxValue
            ? new ReadOnlySpan<byte>(start + t.Offset + (first * row), (int)(rows * row))
            : throw new BadFileException($"{FilePath}: tensor {t.Name} has {t.ByteLength} bytes; at most {int.MaxValue} are read at once.");
    }

    /// <summary>The bytes of a tensor: a view into the mapping that ends with <see cref="Dispose"/>.</summary>
    /// <param name="t">A tensor of this file.</param>
    public ReadOnlySpan<byte> Bytes(GgufTensor t)
    {
        ArgumentNullException.ThrowIfNull(t);
        return Bytes(t, 0, t.Rows);
    }

    /// <summary>Reads a row, or several, as float32.</summary>
    /// <param name="t">A tensor of this file whose type is built.</param>
    /// <param name="first">The first row.</param>
    /// <param name="to">Receives whole rows.</param>
    /// <exception cref="NotSupportedException">Its type is not built; the message names it.</exception>
    public void ReadSingle(GgufTensor t, long first, Span<float> to)
    {
        BlockFormat format = FormatOf(t);
        if (to.Length == 0)
        {
            return;
        }
        if (t.RowLength == 0 || to.Length % t.RowLength != 0)
        {
            throw new ArgumentException($"tensor {t.Name} has rows of {t.RowLength} numbers, the destination {to.Length}; expected whole rows", nameof(to));
        }
        format.Dequantise(Bytes(t, first, to.Length / t.RowLength), to);
    }

    /// <summary>How a tensor's rows are stored.</summary>
    /// <param name="t">A tensor of this file.</param>
    /// <exception cref="NotSupportedException">Its type is not built; the message names it.</exception>
    public BlockFormat FormatOf(GgufTensor t)
    {
        ArgumentNullException.ThrowIfNull(t);
        return t.Format ?? throw new NotSupportedException($"{FilePath}: tensor {t.Name} is {t.TypeName}, which is not built: "
            + $"this version reads {string.Join(", ", BlockFormat.All.Select(f => f.Name))}");
    }

    /// <summary>Ends the mapping; no span of <see cref="Bytes(GgufTensor)"/> may be used afterwards.</summary>
    public void Dispose()
    {
        if (start == null)
        {
            return;
        }
        start = null;
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        mapping.Dispose();
    }
}
