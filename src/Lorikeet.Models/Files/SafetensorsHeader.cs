using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Lorikeet.Models.Files;

/// <summary>Reads and checks the header of a safetensors file; nothing is allocated from a number that was not compared with the file's size.</summary>
internal sealed class SafetensorsHeader
{
    /// <summary>The reference reader's own limit, in bytes.</summary>
    public const long MostHeaderBytes = 100_000_000;

    private SafetensorsHeader(IReadOnlyDictionary<string, string> metadata, IReadOnlyList<StoredTensor> tensors)
    {
        Metadata = metadata;
        Tensors = tensors;
    }

    public IReadOnlyDictionary<string, string> Metadata { get; }

    public IReadOnlyList<StoredTensor> Tensors { get; }

    public static SafetensorsHeader Read(Stream file, string path, long fileLength)
    {
        if (fileLength < 10)
        {
            throw new BadFileException($"{path} is not a safetensors file: it has {fileLength} bytes, the smallest has 10.");
        }
        byte[] prefix = new byte[9];
        file.ReadExactly(prefix);
        CheckMagic(prefix, path);
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > (ulong)fileLength - 8)
        {
            throw new BadFileException($"{path}: header length {headerLength} exceeds the file ({fileLength} bytes). It is cut off or not safetensors.");
        }
        if (headerLength > MostHeaderBytes)
        {
            throw new BadFileException($"{path}: header length {headerLength}; at most {MostHeaderBytes} bytes are allowed.");
        }
        if (headerLength == 0 || prefix[8] != (byte)'{')
        {
            throw new BadFileException($"{path}: the header is not JSON: it starts with {Show(prefix.AsSpan(8))}, expected '{{'.");
        }
        byte[] header = new byte[(int)headerLength];
        header[0] = prefix[8];
        file.ReadExactly(header.AsSpan(1));
        using JsonDocument json = SafeJson.Parse(header, $"{path} (header)", mostDepth: 8);
        return Read(json.RootElement, path, 8 + (long)headerLength, fileLength);
    }

    private static SafetensorsHeader Read(JsonElement root, string path, long dataStart, long fileLength)
    {
        Dictionary<string, string> metadata = [];
        List<StoredTensor> tensors = [];
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (property.Name == "__metadata__")
            {
                ReadMetadata(property.Value, path, metadata);
            }
            else
            {
                tensors.Add(ReadTensor(property, path, dataStart, fileLength));
            }
        }
        CheckLayout(tensors, path, dataStart, fileLength);
        return new SafetensorsHeader(metadata, tensors);
    }

    private static void ReadMetadata(JsonElement value, string path, Dictionary<string, string> metadata)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw new BadFileException($"{path}: __metadata__ is {SafeJson.Describe(value.ValueKind)}; expected an object of strings.");
        }
        foreach (JsonProperty entry in value.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String)
            {
                throw new BadFileException(
                    $"{path}: __metadata__ '{BadFileException.Short(entry.Name)}' is {SafeJson.Describe(entry.Value.ValueKind)}; expected a string.");
            }
            metadata.Add(entry.Name, entry.Value.GetString()!);
        }
    }

    private static StoredTensor ReadTensor(JsonProperty property, string path, long dataStart, long fileLength)
    {
        string where = $"{path}: tensor {BadFileException.Short(property.Name)}";
        if (property.Value.ValueKind != JsonValueKind.Object)
        {
            throw new BadFileException($"{where} is {SafeJson.Describe(property.Value.ValueKind)}; expected an object with dtype, shape and data_offsets.");
        }
        JsonElement dtype = Member(property.Value, "dtype", JsonValueKind.String, where);
        if (!StoredTypes.TryParse(dtype.GetString()!, out StoredType type))
        {
            throw new BadFileException($"{where}: unknown dtype {BadFileException.Short(dtype.GetString()!)}; expected one of F32, BF16, F16, F64, "
                + "I8, I16, I32, I64, U8, U16, U32, U64, BOOL, F8_E4M3, F8_E5M2.");
        }
        JsonElement extents = Member(property.Value, "shape", JsonValueKind.Array, where);
        long[] shape = new long[extents.GetArrayLength()];
        Int128 bytes = type.Size();
        bool empty = false;
        int d = 0;
        foreach (JsonElement extent in extents.EnumerateArray())
        {
            shape[d] = Number(extent, where, "shape");
            empty |= shape[d] == 0;
            // An extent may be 0 while others overflow, so the product of the others is bounded too.
            bytes = shape[d] == 0 ? bytes : bytes * shape[d];
            if (bytes > long.MaxValue)
            {
                throw new BadFileException($"{where}: shape overflows: its extents multiply to more than 2^63 bytes.");
            }
            d++;
        }
        bytes = empty ? 0 : bytes;
        JsonElement offsets = Member(property.Value, "data_offsets", JsonValueKind.Array, where);
        if (offsets.GetArrayLength() != 2)
        {
            throw new BadFileException($"{where}: data_offsets has {offsets.GetArrayLength()} numbers; expected 2 (begin, end).");
        }
        long begin = Number(offsets[0], where, "data_offsets");
        long end = Number(offsets[1], where, "data_offsets");
        if (end < begin)
        {
            throw new BadFileException($"{where}: data_offsets [{begin}, {end}] run backwards.");
        }
        if (end > fileLength - dataStart)
        {
            throw new BadFileException(
                $"{path} is cut off: tensor {BadFileException.Short(property.Name)} ends at byte {(Int128)dataStart + end}, the file has {fileLength}. Copy it again.");
        }
        if (bytes != end - begin)
        {
            throw new BadFileException($"{where}: shape [{string.Join(", ", shape)}] of {type.Name()} needs {bytes} bytes, the offsets give {end - begin}.");
        }
        return new StoredTensor(property.Name, type, shape, dataStart + begin, end - begin);
    }

    private static void CheckLayout(List<StoredTensor> tensors, string path, long dataStart, long fileLength)
    {
        // Stable for empty tensors that share a place: order of the header.
        StoredTensor[] ordered = [.. tensors.OrderBy(t => t.Offset).ThenBy(t => t.ByteLength)];
        long at = dataStart;
        string before = "the header";
        foreach (StoredTensor t in ordered)
        {
            if (t.Offset != at)
            {
                throw new BadFileException(t.Offset < at
                    ? $"{path}: tensors {BadFileException.Short(before)} and {BadFileException.Short(t.Name)} overlap by {at - t.Offset} bytes."
                    : $"{path}: {t.Offset - at} bytes between {BadFileException.Short(before)} and tensor {BadFileException.Short(t.Name)} belong to none.");
            }
            at += t.ByteLength;
            before = t.Name;
        }
        if (at != fileLength)
        {
            throw new BadFileException($"{path}: {fileLength - at} bytes after the last tensor; expected the file to end there.");
        }
        tensors.Clear();
        tensors.AddRange(ordered);
    }

    private static JsonElement Member(JsonElement owner, string name, JsonValueKind kind, string where)
    {
        if (!owner.TryGetProperty(name, out JsonElement value))
        {
            throw new BadFileException($"{where} has no {name}.");
        }
        return value.ValueKind == kind
            ? value
            : throw new BadFileException($"{where}: {name} is {SafeJson.Describe(value.ValueKind)}; expected {SafeJson.Describe(kind)}.");
    }

    private static long Number(JsonElement value, string where, string what)
    {
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out long number))
        {
            throw new BadFileException($"{where}: {what} holds {BadFileException.Short(value.GetRawText())}; expected whole numbers below 2^63.");
        }
        return number >= 0
            ? number
            : throw new BadFileException($"{where}: {(what == "shape" ? "negative extent" : "negative offset")} {number} in {what}.");
    }

    private static void CheckMagic(ReadOnlySpan<byte> prefix, string path)
    {
        string? other = prefix.StartsWith("PK\x03\x04"u8) ? "'PK' (a zip, perhaps a renamed .bin or .pt; such files are pickles and can run code)"
            : prefix[0] == 0x80 && prefix[1] is >= 2 and <= 5 && prefix[8] != (byte)'{' ? "a pickle's first bytes (such files can run code)"
            : prefix.StartsWith("GGUF"u8) ? "'GGUF' (rename it to .gguf)"
            : prefix.StartsWith("version "u8) ? "'version ' (a Git LFS pointer; fetch the file itself with git lfs pull)"
            : null;
        if (other is not null)
        {
            throw new BadFileException($"{path} does not start with a safetensors header: found {other}.");
        }
    }

    private static string Show(ReadOnlySpan<byte> bytes) =>
        bytes[0] is > 0x20 and < 0x7F ? $"'{Encoding.ASCII.GetString(bytes[..1])}'" : "byte " + bytes[0].ToString("X2", CultureInfo.InvariantCulture);
}
