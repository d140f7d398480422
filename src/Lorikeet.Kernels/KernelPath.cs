using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>The ways a kernel may be computed: one reference, and one for each instruction set that pays.</summary>
public enum KernelVariant
{
    /// <summary>Plain loops, one fused multiply-add at a time: the reference every other variant equals bit for bit where it says so.</summary>
    Scalar,

    /// <summary>256-bit vectors with fused multiply-add (x86-64-v3).</summary>
    Avx2,
}

/// <summary>Chooses once, at start-up, which variant of every kernel runs.</summary>
/// <remarks>
/// <c>LORIKEET_KERNELS=scalar|avx2</c> forces one; unset, the widest that this machine has. The choice is a static readonly field, so the JIT
/// folds the branch away in every kernel.
/// </remarks>
public static class KernelPath
{
    private static readonly KernelVariant current = Choose(Environment.GetEnvironmentVariable("LORIKEET_KERNELS"));

    /// <summary>The variant in use.</summary>
    public static KernelVariant Current => current;

    /// <summary>True where the AVX2 variant runs.</summary>
    public static bool UseAvx2 => current == KernelVariant.Avx2;

    /// <summary>The variants this machine can run, in order of preference.</summary>
    public static IReadOnlyList<KernelVariant> Available { get; } =
        Avx2.IsSupported && Fma.IsSupported ? [KernelVariant.Avx2, KernelVariant.Scalar] : [KernelVariant.Scalar];

    internal static KernelVariant Choose(string? forced)
    {
        bool avx2 = Avx2.IsSupported && Fma.IsSupported;
        return forced switch
        {
            null or "" => avx2 ? KernelVariant.Avx2 : KernelVariant.Scalar,
            "scalar" => KernelVariant.Scalar,
            "avx2" when avx2 => KernelVariant.Avx2,
            "avx2" => throw new PlatformNotSupportedException("LORIKEET_KERNELS=avx2: this processor has no AVX2 with FMA; unset it or use scalar"),
            _ => throw new PlatformNotSupportedException($"LORIKEET_KERNELS={forced}: expected scalar or avx2"),
        };
    }
}
