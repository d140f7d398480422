namespace Lorikeet.Adapters;

/// <summary>How FLoRA's factors change the weight.</summary>
public enum FloraMode
{
    /// <summary>W' = W o M with M = f sum over j of A[j] B[j]^T: the paper's form.</summary>
    Direct,

    /// <summary>W' = W o (1 + s sum over j of A[j] B[j]^T): PEFT's HiRA, s = 1 there.</summary>
    Residual,
}

/// <summary>How the components of the direct form are put together.</summary>
public enum FloraReduction
{
    /// <summary>f = 1/r, as in the paper.</summary>
    Mean,

    /// <summary>f = 1.</summary>
    Sum,
}

/// <summary>Mode, reduction and scale of a FLoRA adapter: y = f sum over j of A[j] o (W (B[j] o x)), plus W x in the residual form.</summary>
/// <remarks>Source: Wen and Chaudhuri, arXiv 2312.05677, Eq. 2-6. The paper has no alpha / r; neither has this.</remarks>
/// <param name="Mode">Direct or residual.</param>
/// <param name="Reduction">Mean or sum; only in the direct form.</param>
/// <param name="Scale">s; only in the residual form.</param>
public readonly record struct FloraForm(FloraMode Mode = FloraMode.Direct, FloraReduction Reduction = FloraReduction.Mean, float Scale = 1f)
{
    /// <summary>The residual form with s = 1, which PEFT calls HiRA.</summary>
    public static FloraForm Hira { get; } = new(FloraMode.Residual, FloraReduction.Sum, 1f);

    /// <summary>True where W x is added.</summary>
    public bool AddsBase => Mode == FloraMode.Residual;

    /// <summary>What the sum over the components is multiplied by: 1/r, 1 or s.</summary>
    /// <param name="rank">r.</param>
    public float Factor(int rank) => Mode == FloraMode.Residual ? Scale : Reduction == FloraReduction.Mean ? 1f / rank : 1f;
}
