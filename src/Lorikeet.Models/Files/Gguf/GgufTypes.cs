using Lorikeet.Kernels;

namespace Lorikeet.Models.Files;

/// <summary>Facts of the types in a GGUF file: of metadata, and of tensors, those included that are not built.</summary>
internal static class GgufTypes
{
    private static readonly (GgufValueType Type, Type Net, int Size)[] Values =
    [
        (GgufValueType.UInt8, typeof(byte), 1),
        (GgufValueType.Int8, typeof(sbyte), 1),
        (GgufValueType.UInt16, typeof(ushort), 2),
        (GgufValueType.Int16, typeof(short), 2),
        (GgufValueType.UInt32, typeof(uint), 4),
        (GgufValueType.Int32, typeof(int), 4),
        (GgufValueType.Float32, typeof(float), 4),
        (GgufValueType.Bool, typeof(bool), 1),
        (GgufValueType.String, typeof(string), 8),
        (GgufValueType.UInt64, typeof(ulong), 8),
        (GgufValueType.Int64, typeof(long), 8),
        (GgufValueType.Float64, typeof(double), 8),
    ];

    // What has no BlockFormat: the sizes are needed to check a file that holds such a tensor; its numbers are not read.
    private static readonly (int Id, string Name, int Values, int Bytes)[] Others =
    [
        (9, "Q8_1", 32, 36),
        (15, "Q8_K", 256, 292),
        (16, "IQ2_XXS", 256, 66),
        (17, "IQ2_XS", 256, 74),
        (18, "IQ3_XXS", 256, 98),
        (19, "IQ1_S", 256, 50),
        (21, "IQ3_S", 256, 110),
        (22, "IQ2_S", 256, 82),
        (24, "I8", 1, 1),
        (25, "I16", 1, 2),
        (26, "I32", 1, 4),
        (27, "I64", 1, 8),
        (28, "F64", 1, 8),
        (29, "IQ1_M", 256, 56),
        (34, "TQ1_0", 256, 54),
        (35, "TQ2_0", 256, 66),
        (39, "MXFP4", 32, 17),
    ];

    /// <summary>The form of a .NET type.</summary>
    public static GgufValueType Of(Type type)
    {
        foreach ((GgufValueType own, Type net, _) in Values)
        {
            if (net == type)
            {
                return own;
            }
        }
        throw new ArgumentException($"{type.Name} has no form in GGUF metadata; expected a number, a truth value, a string, or an array of these");
    }

    /// <summary>Bytes of a value; of a string at least. 0: no such type, or an array.</summary>
    public static int Size(GgufValueType type) => Array.Find(Values, v => v.Type == type).Size;

    /// <summary>A tensor type by number: name, values and bytes of a block; null where nobody knows it.</summary>
    public static (string Name, int Values, int Bytes)? Tensor(int id) =>
        BlockFormat.Find(id) is { } format ? (format.Name, format.Values, format.Bytes)
        : Array.Find(Others, o => o.Id == id) is { Name: { } name } other ? (name, other.Values, other.Bytes)
        : null;
}
