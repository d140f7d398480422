namespace Lorikeet.Serving;

/// <summary>A request that has not ended, with its answers.</summary>
internal sealed class ActiveRequest(int id, GenerationRequest request)
{
    private readonly PrefixRoot?[] ownRoots = new PrefixRoot?[2];
    private readonly string?[] identities = new string?[2];

    public int Id { get; } = id;

    public GenerationRequest Request { get; } = request;

    /// <summary>Its adapters in the order in which their changes are summed.</summary>
    public AdapterShare[] Shares { get; } = AdapterIdentity.Order(request.Adapters);

    /// <summary>Its answers.</summary>
    public Sequence[] Choices { get; set; } = [];

    /// <summary>Answers that have not ended.</summary>
    public int Open { get; set; }

    /// <summary>True once a token, or whatever else was asked for, came.</summary>
    public bool HasAnswered => FirstToken != 0;

    /// <summary>When it came, on the engine's clock.</summary>
    public long Arrived { get; init; }

    /// <summary>When it is given up; <see cref="long.MaxValue"/>: never.</summary>
    public long GivenUp { get; init; } = long.MaxValue;

    /// <summary>When it is given up if it has not begun by then.</summary>
    public long BeginsBy { get; init; } = long.MaxValue;

    /// <summary>When it is given up, as things stand.</summary>
    public long Ends => Started == 0 ? Math.Min(BeginsBy, GivenUp) : GivenUp;

    /// <summary>When it first ran; 0: not yet.</summary>
    public long Started { get; set; }

    /// <summary>When its first token came; 0: not yet.</summary>
    public long FirstToken { get; set; }

    public int CachedTokens { get; set; }

    public int GeneratedTokens { get; set; }

    public int Preemptions { get; set; }

    /// <summary>Where the keys and values of its prompt are found by others, or at least by its own other answers; null: by nobody.</summary>
    /// <param name="cache">The tree.</param>
    /// <param name="shared">Whether other requests may find them.</param>
    /// <param name="isLong">Whether they are computed for sequences beyond the trained length, where those differ.</param>
    public PrefixRoot? Root(PrefixCache cache, bool shared, bool isLong)
    {
        int mode = isLong ? 1 : 0;
        if (shared && Request.Adapter is null)
        {
            return cache.Root(identities[mode] ??= AdapterIdentity.Of(Shares, Request.Tenant, Request.CacheSalt, isLong));
        }
        return Request.Choices > 1 ? ownRoots[mode] ??= new PrefixRoot() : null;
    }

    /// <summary>Forgets what only its own answers could find.</summary>
    public void ForgetOwn(PrefixCache cache)
    {
        foreach (PrefixRoot? root in ownRoots)
        {
            if (root is not null)
            {
                cache.Forget(root);
            }
        }
    }
}
