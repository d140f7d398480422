using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>The ways a kernel may be computed: one reference, and one for each instruction set that pays, ever wider.</summary>
public enum KernelVariant
{
    /// <summary>Plain loops, one fused multiply-add at a time: the reference every other variant equals bit for bit where it says so.</summary>
    Scalar,

    /// <summary>256-bit vectors with fused multiply-add (x86-64-v3).</summary>
    Avx2,

    /// <summary>512-bit vectors where they pay (x86-64-v4), 256-bit ones elsewhere.</summary>
    Avx512,
}

/// <summary>Chooses once, at start-up, which variant of every kernel runs.</summary>
/// <remarks>
/// <c>LORIKEET_KERNELS=scalar|avx2|avx512</c> forces one; unset, the widest that this machine has. The choice is a static readonly field, so the JIT
/// folds the branch away in every kernel.
/// </remarks>
public static class KernelPath
{
    private static readonly KernelVariant current = Choose(Environment.GetEnvironmentVariable("LORIKEET_KERNELS"));

    /// <summary>The variant in use.</summary>
    public static KernelVariant Current => current;

    /// <summary>True where 256-bit kernels run: in the AVX2 variant, and in the AVX-512 variant for kernels that have no wider form.</summary>
    public static bool UseAvx2 => current >= KernelVariant.Avx2;

    /// <summary>True where 512-bit kernels run.</summary>
    public static bool UseAvx512 => current == KernelVariant.Avx512;

    /// <summary>The variants this machine can run, in order of preference.</summary>
    public static IReadOnlyList<KernelVariant> Available { get; } =
        HasAvx512 ? [KernelVariant.Avx512, KernelVariant.Avx2, KernelVariant.Scalar] : HasAvx2 ? [KernelVariant.Avx2, KernelVariant.Scalar] : [KernelVariant.Scalar];

    private static bool HasAvx2 => Avx2.IsSupported && Fma.IsSupported;

    private static bool HasAvx512 => HasAvx2 && Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported;

    internal static KernelVariant Choose(string? forced) => forced switch
    {
        null or "" => HasAvx512 ? KernelVariant.Avx512 : HasAvx2 ? KernelVariant.Avx2 : KernelVariant.Scalar,
        "scalar" => KernelVariant.Scalar,
        "avx2" when HasAvx2 => KernelVariant.Avx2,
        "avx2" => throw new PlatformNotSupportedException("LORIKEET_KERNELS=avx2: this processor has no AVX2 with FMA; unset it or use scalar"),
        "avx512" when HasAvx512 => KernelVariant.Avx512,
        "avx512" => throw new PlatformNotSupportedException(
            "LORIKEET_KERNELS=avx512: this processor (or DOTNET_EnableAVX512=0) has no AVX-512 F, BW and DQ; unset it or use avx2"),
        _ => throw new PlatformNotSupportedException($"LORIKEET_KERNELS={forced}: expected scalar, avx2 or avx512"),
    };
}
