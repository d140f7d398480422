namespace Lorikeet.Kernels;

/// <summary>Which rows of an attention call form one sequence.</summary>
public struct AttentionSequence
{
    /// <summary>The sequence's first row in the call's matrices.</summary>
    public int Row { get; set; }

    /// <summary>Its rows, consecutive.</summary>
    public int Rows { get; set; }

    /// <summary>The absolute position of the first row; 0 in training.</summary>
    public int Start { get; set; }
}

/// <summary>One sequence whose keys and values lie in pages.</summary>
public unsafe struct PagedSequence
{
    /// <summary>The sequence's first row in the call's matrices.</summary>
    public int Row { get; set; }

    /// <summary>Its rows of this call, consecutive: one for a decode step, several for a chunk of the prompt.</summary>
    public int Rows { get; set; }

    /// <summary>The absolute position of the first row of this call.</summary>
    public int Start { get; set; }

    /// <summary>Page p of one layer holds positions [32p, 32p + 32); pages that lie wholly before the window are not read.</summary>
    public float** Pages { get; set; }
}
