namespace Lorikeet.Server;

/// <summary>What was asked of one adapter under its name; what an engine did to have it in memory is <see cref="Serving.AdapterFigures"/>.</summary>
internal sealed class AdapterCounts
{
    private static readonly double[] Bounds = [0.01, 0.1, 0.5, 1, 5, 20, 80];
    private readonly AtomicHistogram firstToken = new(Bounds);
    private readonly Lock gate = new();
    private AdapterCounts? successor;
    private long requests;
    private long prompt;
    private long generated;
    private long cached;

    public long Requests => Interlocked.Read(ref requests);

    public long Prompt => Interlocked.Read(ref prompt);

    public long Generated => Interlocked.Read(ref generated);

    public long Cached => Interlocked.Read(ref cached);

    /// <summary>Seconds from arrival to the first token.</summary>
    public AtomicHistogram FirstToken => firstToken;

    /// <summary>Counts a request that has ended.</summary>
    public void Add(UsageCount usage) => Add(1, usage.Prompt, usage.Completion, usage.Cached, null);

    /// <summary>Counts a first token.</summary>
    public void AddFirstToken(double seconds)
    {
        AdapterCounts? later;
        lock (gate)
        {
            later = successor;
            if (later is null)
            {
                firstToken.Add(seconds);
            }
        }
        later?.AddFirstToken(seconds);
    }

    /// <summary>Gives all counts to others: what is still counted here goes there from now on, so that nothing is lost and nothing counted twice.</summary>
    public void MoveTo(AdapterCounts others)
    {
        lock (gate)
        {
            successor = others;
            others.Add(requests, prompt, generated, cached, firstToken);
        }
    }

    private void Add(long moreRequests, long morePrompt, long moreGenerated, long moreCached, AtomicHistogram? moreFirst)
    {
        AdapterCounts? later;
        lock (gate)
        {
            later = successor;
            if (later is null)
            {
                // Readers take no lock.
                Interlocked.Add(ref requests, moreRequests);
                Interlocked.Add(ref prompt, morePrompt);
                Interlocked.Add(ref generated, moreGenerated);
                Interlocked.Add(ref cached, moreCached);
                if (moreFirst is not null)
                {
                    firstToken.AddAll(moreFirst);
                }
            }
        }
        later?.Add(moreRequests, morePrompt, moreGenerated, moreCached, moreFirst);
    }
}
