using System.Diagnostics.CodeAnalysis;

namespace Lorikeet.Kernels;

/// <summary>The checks at the public edge of the matrix kernels: after them, pointers are trusted.</summary>
internal static class Require
{
    public static void Length(int found, long expected, string name, string shape)
    {
        if (found < expected)
        {
            ThrowLength(found, expected, name, shape);
        }
    }

    public static void Bytes(int found, long expected, string name)
    {
        if (found < expected)
        {
            ThrowBytes(found, expected, name);
        }
    }

    public static void Type(ElementType type, string name)
    {
        if (type > ElementType.F16)
        {
            throw new ArgumentOutOfRangeException(name, type, $"{name} is not a known element type: expected F32, BF16 or F16");
        }
    }

    [DoesNotReturn]
    private static void ThrowLength(int found, long expected, string name, string shape) => throw new ArgumentException(
        $"{name} has {found} elements, {shape} takes {expected}: pass the whole tensor, or sizes that fit it", name);

    [DoesNotReturn]
    private static void ThrowBytes(int found, long expected, string name) => throw new ArgumentException(
        $"{name} has {found} bytes, expected at least {expected}: see ByteLength for a packed matrix, ElementType.Size() for an array", name);
}
