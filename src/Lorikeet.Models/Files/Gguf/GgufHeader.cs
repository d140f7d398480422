namespace Lorikeet.Models.Files;

/// <summary>Reads and checks the head of a GGUF file: magic, version, metadata, tensor infos.</summary>
/// <remarks>The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.</remarks>
internal sealed class GgufHeader
{
    public const uint Magic = 0x46554747;
    public const string AlignmentKey = "general.alignment";
    private const int DefaultAlignment = 32;
    private const int MostAlignment = 1 << 20;

    private GgufHeader()
    {
    }

    public int Version { get; private init; }

    public int Alignment { get; private init; }

    public long DataOffset { get; private init; }

    public required IReadOnlyDictionary<string, GgufValue> Metadata { get; init; }

    public required IReadOnlyList<GgufTensor> Tensors { get; init; }

    public static unsafe GgufHeader Read(byte* start, long length, string path)
    {
        GgufCursor cursor = new(start, length, path);
        uint magic = cursor.Read<uint>("the magic bytes");
        if (magic != Magic)
        {
            throw cursor.Bad($"starts with the bytes {magic & 255:X2} {(magic >> 8) & 255:X2} {(magic >> 16) & 255:X2} {magic >> 24:X2}, expected GGUF.");
        }
        int version = CheckVersion(cursor.Read<uint>("the version"), cursor);
        // Name, extents, type and offset of a tensor take 33 bytes; key, type and value of metadata 13.
        int tensorCount = cursor.Count("the number of tensors", 33), metadataCount = cursor.Count("the number of metadata values", 13);
        OrderedDictionary<string, GgufValue> metadata = [];
        for (int i = 0; i < metadataCount; i++)
        {
            string key = cursor.String($"the key of metadata value {i}");
            if (!metadata.TryAdd(key, Value(ref cursor, key)))
            {
                throw cursor.Bad($"the metadata has '{BadFileException.Short(key)}' twice; a key may occur once.");
            }
        }
        int alignment = ReadAlignment(metadata, cursor);
        List<GgufTensor> tensors = new(tensorCount);
        HashSet<string> names = [];
        for (int i = 0; i < tensorCount; i++)
        {
            GgufTensor tensor = Info(ref cursor, i, alignment);
            if (!names.Add(tensor.Name))
            {
                throw cursor.Bad($"tensor {BadFileException.Short(tensor.Name)} occurs twice; expected different names.");
            }
            tensors.Add(tensor);
        }
        long data = (cursor.Position + alignment - 1) / alignment * alignment;
        return new GgufHeader
        {
            Version = version,
            Alignment = alignment,
            DataOffset = data,
            Metadata = metadata,
            Tensors = Place(tensors, data, length, cursor),
        };
    }

    private static int CheckVersion(uint version, in GgufCursor cursor) => version switch
    {
        2 or 3 => (int)version,
        0 => throw cursor.Bad("version is 0; expected 2 or 3."),
        _ when (version & 0xFFFF) == 0 => throw cursor.Bad("the file is big-endian; expected little-endian. Convert it where it was made."),
        1 => throw cursor.Bad("version 1 is not read; expected 2 or 3. Convert the model again with a newer tool."),
        _ => throw cursor.Bad($"version is {version}; this version of Lorikeet reads 2 and 3."),
    };

    private static GgufValue Value(ref GgufCursor cursor, string key)
    {
        string what = $"metadata value '{BadFileException.Short(key)}'";
        GgufValueType type = (GgufValueType)cursor.Read<uint>(what);
        if (type != GgufValueType.Array)
        {
            return GgufValue.Of(type switch
            {
                GgufValueType.UInt8 => cursor.Read<byte>(what),
                GgufValueType.Int8 => cursor.Read<sbyte>(what),
                GgufValueType.UInt16 => cursor.Read<ushort>(what),
                GgufValueType.Int16 => cursor.Read<short>(what),
                GgufValueType.UInt32 => cursor.Read<uint>(what),
                GgufValueType.Int32 => cursor.Read<int>(what),
                GgufValueType.Float32 => cursor.Read<float>(what),
                GgufValueType.Bool => Truth(cursor.Read<byte>(what), what, cursor),
                GgufValueType.String => cursor.String(what),
                GgufValueType.UInt64 => cursor.Read<ulong>(what),
                GgufValueType.Int64 => cursor.Read<long>(what),
                GgufValueType.Float64 => (object)cursor.Read<double>(what),
                _ => throw cursor.Bad($"{what} has the type {(uint)type}; expected 0 to 12."),
            });
        }
        GgufValueType element = (GgufValueType)cursor.Read<uint>(what);
        if (GgufTypes.Size(element) == 0)
        {
            throw cursor.Bad($"{what} is an array of {(element == GgufValueType.Array ? "arrays, which are not read" : $"the type {(uint)element}")}; "
                + "expected numbers, truth values or strings.");
        }
        int count = cursor.Count($"the length of {what}", GgufTypes.Size(element));
        return GgufValue.OfArray(element switch
        {
            GgufValueType.UInt8 => cursor.Numbers<byte>(count, what),
            GgufValueType.Int8 => cursor.Numbers<sbyte>(count, what),
            GgufValueType.UInt16 => cursor.Numbers<ushort>(count, what),
            GgufValueType.Int16 => cursor.Numbers<short>(count, what),
            GgufValueType.UInt32 => cursor.Numbers<uint>(count, what),
            GgufValueType.Int32 => cursor.Numbers<int>(count, what),
            GgufValueType.Float32 => cursor.Numbers<float>(count, what),
            GgufValueType.UInt64 => cursor.Numbers<ulong>(count, what),
            GgufValueType.Int64 => cursor.Numbers<long>(count, what),
            GgufValueType.Float64 => cursor.Numbers<double>(count, what),
            GgufValueType.Bool => Truths(cursor.Numbers<byte>(count, what), what, cursor),
            _ => (Array)Strings(ref cursor, count, what),
        });
    }

    private static bool Truth(byte value, string what, in GgufCursor cursor) =>
        value <= 1 ? value == 1 : throw cursor.Bad($"{what} is {value}; a truth value is 0 or 1.");

    private static bool[] Truths(byte[] bytes, string what, in GgufCursor cursor)
    {
        bool[] truths = new bool[bytes.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            truths[i] = Truth(bytes[i], what, cursor);
        }
        return truths;
    }

    private static string[] Strings(ref GgufCursor cursor, int count, string what)
    {
        string[] strings = new string[count];
        for (int i = 0; i < count; i++)
        {
            strings[i] = cursor.String(what);
        }
        return strings;
    }

    private static int ReadAlignment(OrderedDictionary<string, GgufValue> metadata, in GgufCursor cursor)
    {
        if (!metadata.TryGetValue(AlignmentKey, out GgufValue? value))
        {
            return DefaultAlignment;
        }
        return value.Value is uint alignment && alignment is > 0 and <= MostAlignment && (alignment & (alignment - 1)) == 0
            ? (int)alignment
            : throw cursor.Bad($"{AlignmentKey} is {BadFileException.Short(value.ToString())} ({value.Type}); expected a UInt32 that is a power of two up to {MostAlignment}.");
    }

    // The offset is still the one in the file: from the start of the data.
    private static GgufTensor Info(ref GgufCursor cursor, int index, int alignment)
    {
        string name = cursor.String($"the name of tensor {index}"), what = $"tensor {BadFileException.Short(name)}";
        uint dimensions = cursor.Read<uint>(what);
        if (dimensions is 0 or > 4)
        {
            throw cursor.Bad($"{what} has {dimensions} dimensions; expected 1 to 4.");
        }
        long[] extents = new long[dimensions];
        Int128 count = 1;
        for (int d = 0; d < extents.Length; d++)
        {
            ulong extent = cursor.Read<ulong>(what);
            count *= extent;
            if (extent > long.MaxValue || count > long.MaxValue)
            {
                throw cursor.Bad($"{what} has more than {long.MaxValue} numbers.");
            }
            extents[d] = (long)extent;
        }
        uint id = cursor.Read<uint>(what);
        ulong offset = cursor.Read<ulong>(what);
        if (id > int.MaxValue || GgufTypes.Tensor((int)id) is not { } type)
        {
            throw cursor.Bad($"{what} has the type {id}, which this version of Lorikeet does not know.");
        }
        if (extents[0] % type.Values != 0)
        {
            throw cursor.Bad($"{what} has rows of {extents[0]} numbers; {type.Name} needs a multiple of {type.Values}.");
        }
        if (offset > long.MaxValue || offset % (ulong)alignment != 0)
        {
            throw cursor.Bad($"{what} is at offset {offset}; expected a multiple of {alignment}.");
        }
        Int128 bytes = count / type.Values * type.Bytes;
        return bytes <= long.MaxValue
            ? new GgufTensor(name, (int)id, type.Name, extents, (long)offset, (long)bytes)
            : throw cursor.Bad($"{what} has {bytes} bytes.");
    }

    private static GgufTensor[] Place(List<GgufTensor> tensors, long data, long length, in GgufCursor cursor)
    {
        GgufTensor[] placed = new GgufTensor[tensors.Count];
        for (int i = 0; i < placed.Length; i++)
        {
            GgufTensor tensor = tensors[i];
            if ((Int128)data + tensor.Offset + tensor.ByteLength > length)
            {
                throw cursor.Bad($"tensor {BadFileException.Short(tensor.Name)} ends at byte {(Int128)data + tensor.Offset + tensor.ByteLength}, the file has {length}; it is cut off.");
            }
            placed[i] = tensor with { Offset = data + tensor.Offset };
        }
        GgufTensor? before = null;
        foreach (GgufTensor tensor in placed.Where(t => t.ByteLength > 0).OrderBy(t => t.Offset))
        {
            if (before is not null && tensor.Offset < before.Offset + before.ByteLength)
            {
                throw cursor.Bad($"tensors {BadFileException.Short(before.Name)} and {BadFileException.Short(tensor.Name)} share bytes from {tensor.Offset} on.");
            }
            before = tensor;
        }
        return placed;
    }
}
