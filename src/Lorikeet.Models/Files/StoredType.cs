namespace Lorikeet.Models.Files;

/// <summary>How one number of a tensor in a safetensors file is written, little-endian.</summary>
public enum StoredType
{
    /// <summary>IEEE single precision, 4 bytes.</summary>
    F32,

    /// <summary>The upper half of a single, 2 bytes.</summary>
    BF16,

    /// <summary>IEEE half precision, 2 bytes.</summary>
    F16,

    /// <summary>IEEE double precision, 8 bytes.</summary>
    F64,

    /// <summary>Signed, 1 byte.</summary>
    I8,

    /// <summary>Signed, 2 bytes.</summary>
    I16,

    /// <summary>Signed, 4 bytes.</summary>
    I32,

    /// <summary>Signed, 8 bytes.</summary>
    I64,

    /// <summary>Unsigned, 1 byte.</summary>
    U8,

    /// <summary>Unsigned, 2 bytes.</summary>
    U16,

    /// <summary>Unsigned, 4 bytes.</summary>
    U32,

    /// <summary>Unsigned, 8 bytes.</summary>
    U64,

    /// <summary>0 or 1, 1 byte.</summary>
    Bool,

    /// <summary>8-bit float with 4 exponent and 3 mantissa bits, 1 byte.</summary>
    F8E4M3,

    /// <summary>8-bit float with 5 exponent and 2 mantissa bits, 1 byte.</summary>
    F8E5M2,
}

/// <summary>Facts of the stored types.</summary>
public static class StoredTypes
{
    private static readonly (StoredType Type, string Name, int Size)[] All =
    [
        (StoredType.F32, "F32", 4),
        (StoredType.BF16, "BF16", 2),
        (StoredType.F16, "F16", 2),
        (StoredType.F64, "F64", 8),
        (StoredType.I8, "I8", 1),
        (StoredType.I16, "I16", 2),
        (StoredType.I32, "I32", 4),
        (StoredType.I64, "I64", 8),
        (StoredType.U8, "U8", 1),
        (StoredType.U16, "U16", 2),
        (StoredType.U32, "U32", 4),
        (StoredType.U64, "U64", 8),
        (StoredType.Bool, "BOOL", 1),
        (StoredType.F8E4M3, "F8_E4M3", 1),
        (StoredType.F8E5M2, "F8_E5M2", 1),
    ];

    /// <summary>Bytes of one element.</summary>
    /// <param name="type">The stored type.</param>
    public static int Size(this StoredType type) => All[(int)type].Size;

    /// <summary>The name in a safetensors header, such as <c>F8_E4M3</c>.</summary>
    /// <param name="type">The stored type.</param>
    public static string Name(this StoredType type) => All[(int)type].Name;

    /// <summary>Finds a type by its name in a safetensors header.</summary>
    /// <param name="name">The name, such as <c>BF16</c>.</param>
    /// <param name="type">The type.</param>
    public static bool TryParse(string name, out StoredType type)
    {
        foreach ((StoredType known, string knownName, _) in All)
        {
            if (knownName == name)
            {
                type = known;
                return true;
            }
        }
        type = default;
        return false;
    }
}
