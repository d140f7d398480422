namespace Lorikeet.Kernels;

/// <summary>What all sequences of an attention call share.</summary>
public readonly struct AttentionShape
{
    /// <summary>Most elements of a head: a task keeps two tiles of keys on its thread's stack.</summary>
    public const int MostHeadDim = 512;

    /// <summary>Most query heads that share a key head: a task keeps what it knows of each of them on its thread's stack.</summary>
    public const int MostGroup = 1024;

    private readonly float cap;

    /// <param name="heads">Query heads.</param>
    /// <param name="keyHeads">Key and value heads; query head h reads key head h / (heads / keyHeads).</param>
    /// <param name="headDim">Elements of a head, 1 to 512.</param>
    /// <param name="scale">What each product of a query and a key is multiplied by, usually 1 / sqrt(headDim).</param>
    /// <param name="window">Positions a query sees, its own included: query i sees j with i - window &lt; j &lt;= i; 0 for all up to
    /// i.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    /// <exception cref="ArgumentException">Heads are no multiple of key heads.</exception>
    public AttentionShape(int heads, int keyHeads, int headDim, float scale, int window = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keyHeads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(headDim, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(headDim, MostHeadDim);
        ArgumentOutOfRangeException.ThrowIfNegative(window);
        if (heads % keyHeads != 0)
        {
            throw new ArgumentException($"attention: {heads} heads are no multiple of {keyHeads} key heads", nameof(heads));
        }
        ArgumentOutOfRangeException.ThrowIfGreaterThan(heads / keyHeads, MostGroup, nameof(heads));
        Heads = heads;
        KeyHeads = keyHeads;
        HeadDim = headDim;
        Scale = scale;
        Window = window;
    }

    /// <summary>Query heads.</summary>
    public int Heads { get; }

    /// <summary>Key and value heads.</summary>
    public int KeyHeads { get; }

    /// <summary>Elements of a head.</summary>
    public int HeadDim { get; }

    /// <summary>The factor of each product of a query and a key.</summary>
    public float Scale { get; }

    /// <summary>Positions a query sees, its own included; 0 for all up to its own.</summary>
    public int Window { get; }

    /// <summary>A scaled score s becomes <c>cap tanh(s / cap)</c> before the mask; 0 (the default): it stays.</summary>
    public float Cap
    {
        get => cap;
        init
        {
            if (!(value >= 0f && float.IsFinite(value)))
            {
                throw new ArgumentOutOfRangeException(nameof(value), value, "attention: a cap is 0 or more, and finite");
            }
            cap = value;
        }
    }

    /// <summary>
    /// How slopes become a bias of the scores, where a call gives them: false, <c>slope (key - query)</c> of the positions; true,
    /// <c>scale bf16(slope key)</c>, as a model computes it that was made in bf16 (Falcon).
    /// </summary>
    public bool RoundsBias { get; init; }

    /// <summary>Query heads that share a key head.</summary>
    internal int Group => Heads / KeyHeads;

    /// <summary>Elements of a row of queries.</summary>
    internal int QueryWidth => Heads * HeadDim;

    /// <summary>Elements of a row of keys, or of values.</summary>
    internal int KeyWidth => KeyHeads * HeadDim;

    /// <summary>The first position that the query at <paramref name="position"/> sees.</summary>
    internal int FirstSeen(int position) => Window == 0 || position < Window ? 0 : position - Window + 1;

    /// <summary>Throws for <c>default(AttentionShape)</c>, which no constructor checked.</summary>
    internal void ThrowIfDefault()
    {
        if (Heads == 0)
        {
            throw new ArgumentException("attention: the shape has no heads; make it with its constructor");
        }
    }
}
