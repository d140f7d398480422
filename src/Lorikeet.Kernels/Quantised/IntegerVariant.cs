using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>The ways integer products are computed; all give the same bits.</summary>
internal enum IntegerVariant
{
    /// <summary>Plain loops: the reference.</summary>
    Scalar,

    /// <summary>VPMADDUBSW and VPMADDWD, 256 bits.</summary>
    Avx2,

    /// <summary>VPDPBUSD, 256 bits.</summary>
    AvxVnni,
}

/// <summary>Chooses the variant of integer products once, at start-up.</summary>
internal static class IntegerVariants
{
    /// <summary>The variants this machine can run, in order of preference: VPDPBUSD does in one instruction what takes AVX2 three or four.</summary>
    public static IReadOnlyList<IntegerVariant> Available { get; } =
        AvxVnni.IsSupported ? [IntegerVariant.AvxVnni, IntegerVariant.Avx2, IntegerVariant.Scalar]
        : Avx2.IsSupported && Fma.IsSupported ? [IntegerVariant.Avx2, IntegerVariant.Scalar]
        : [IntegerVariant.Scalar];

    /// <summary>The variant in use: the best of what this machine can run; where <c>LORIKEET_KERNELS</c> names a narrower one, that.</summary>
    public static IntegerVariant Current { get; } = Choose(Environment.GetEnvironmentVariable("LORIKEET_KERNELS"));

    private static IntegerVariant Choose(string? forced) => forced switch
    {
        "scalar" => IntegerVariant.Scalar,
        "avx2" => IntegerVariant.Avx2,
        _ => Available[0],
    };
}
