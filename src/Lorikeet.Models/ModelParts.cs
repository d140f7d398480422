namespace Lorikeet.Models;

/// <summary>The parts of a <see cref="LanguageModel"/>.</summary>
/// <remarks>
/// h = lookupScale * embedding(ids), or given; h = embeddingNorm( embeddingScale * projectIn(h) + positions ); the blocks; the final norm;
/// logits = cap( logitScale * head( projectOut(h) ) ). What is absent does nothing.
/// </remarks>
public sealed record ModelParts
{
    /// <summary>The token table.</summary>
    public required EmbeddingSite Embedding { get; init; }

    /// <summary>From the table's width to the hidden size, or null.</summary>
    public Projection? ProjectIn { get; init; }

    /// <summary>What rows of the token table are multiplied by as they are read; rows that are given have it in them.</summary>
    public float LookupScale { get; init; } = 1f;

    /// <summary>What embeddings are multiplied by, read or given.</summary>
    public float EmbeddingScale { get; init; } = 1f;

    /// <summary>A table of learned positions, added to the embeddings, or null.</summary>
    public EmbeddingSite? Positions { get; init; }

    /// <summary>The row of <see cref="Positions"/> that position 0 has.</summary>
    public int PositionOffset { get; init; }

    /// <summary>A norm before the first block, or null.</summary>
    public NormSite? EmbeddingNorm { get; init; }

    /// <summary>The blocks.</summary>
    public required IReadOnlyList<Block> Blocks { get; init; }

    /// <summary>The norm after the last block, or null.</summary>
    public NormSite? FinalNorm { get; init; }

    /// <summary>From the hidden size to the head's input, or null.</summary>
    public Projection? ProjectOut { get; init; }

    /// <summary>The output head: hidden to logits.</summary>
    public required Projection Head { get; init; }

    /// <summary>What logits are multiplied by.</summary>
    public float LogitScale { get; init; } = 1f;

    /// <summary>Logits become cap * tanh(logit / cap); 0: they stay.</summary>
    public float LogitCap { get; init; }

    /// <summary>All sites in the order of the modules.</summary>
    public IReadOnlyList<Site> Sites { get; init; } = [];

    /// <summary>The rotation tables that the blocks read.</summary>
    public IReadOnlyList<RotaryTable> Rotary { get; init; } = [];
}
