namespace Lorikeet.Kernels;

/// <summary>How one number of a stored matrix is written; arithmetic is float32 whatever the storage.</summary>
public enum ElementType : byte
{
    /// <summary>IEEE single precision, 4 bytes.</summary>
    F32,

    /// <summary>The upper half of a single (8 exponent bits, 7 mantissa bits), 2 bytes.</summary>
    BF16,

    /// <summary>IEEE half precision (5 exponent bits, 10 mantissa bits), 2 bytes.</summary>
    F16,
}

/// <summary>Facts of the element types.</summary>
public static class ElementTypes
{
    /// <summary>Bytes of one element.</summary>
    /// <param name="type">The element type.</param>
    public static int Size(this ElementType type) => type == ElementType.F32 ? 4 : 2;
}
