using Lorikeet.Models.Text;

namespace Lorikeet.Serving;

/// <summary>The requests that have not ended: their numbers, deadlines, and the versions of adapters that they are bound to.</summary>
internal sealed class OpenRequests(EngineOptions options, AdapterCache adapters, PrefixCache prefixes)
{
    private readonly Dictionary<int, ActiveRequest> open = [];
    private long nextDeadline = long.MaxValue;
    private int lastId;

    /// <summary>All of them.</summary>
    public IReadOnlyCollection<ActiveRequest> All => open.Values;

    /// <summary>Prompt tokens of those that have not begun.</summary>
    public long WaitingTokens { get; private set; }

    /// <summary>The request of a number; null: it has ended.</summary>
    public ActiveRequest? Find(int id) => open.GetValueOrDefault(id);

    /// <summary>Takes a request in, with a sequence for each of its answers.</summary>
    /// <param name="request">The request.</param>
    /// <param name="ends">The tokens that end its answers.</param>
    /// <param name="most">The most tokens of an answer.</param>
    /// <param name="tokenizer">Gives events their text, or null.</param>
    public ActiveRequest Add(GenerationRequest request, IReadOnlyList<int> ends, int most, Tokenizer? tokenizer)
    {
        TimeProvider clock = options.Clock;
        long now = clock.GetTimestamp();
        ActiveRequest owner = new(++lastId, request) { Arrived = now, GivenUp = After(request.Deadline), BeginsBy = After(request.StartWithin) };
        owner.Choices = new Sequence[request.Choices];
        for (int i = 0; i < owner.Choices.Length; i++)
        {
            owner.Choices[i] = new Sequence(owner, i, ends, most, options.DraftTokens, tokenizer);
        }
        owner.Open = owner.Choices.Length;
        open.Add(owner.Id, owner);
        foreach (AdapterShare share in request.Adapters)
        {
            adapters.Bind(share.Version);
        }
        WaitingTokens += request.PromptLength;
        nextDeadline = Math.Min(nextDeadline, owner.Ends);
        return owner;

        long After(TimeSpan? time) => time is { } t ? now + (long)Math.Min(t.TotalSeconds * clock.TimestampFrequency, long.MaxValue / 2) : long.MaxValue;
    }

    /// <summary>A request runs in this step; true: for the first time.</summary>
    public bool Begin(ActiveRequest owner)
    {
        if (owner.Started != 0)
        {
            return false;
        }
        owner.Started = options.Clock.GetTimestamp();
        WaitingTokens -= owner.Request.PromptLength;
        return true;
    }

    /// <summary>The requests whose time is over; empty, without a look at any, while that of none can be.</summary>
    public IReadOnlyList<ActiveRequest> Expired()
    {
        long now;
        if (nextDeadline == long.MaxValue || (now = options.Clock.GetTimestamp()) < nextDeadline)
        {
            return [];
        }
        nextDeadline = long.MaxValue;
        List<ActiveRequest> over = [];
        foreach (ActiveRequest request in open.Values)
        {
            if (request.Ends <= now)
            {
                over.Add(request);
            }
            else
            {
                nextDeadline = Math.Min(nextDeadline, request.Ends);
            }
        }
        return over;
    }

    /// <summary>The requests that run with a version of an adapter.</summary>
    public IReadOnlyList<ActiveRequest> With(AdapterVersion version) => [.. open.Values.Where(a => Array.Exists(a.Shares, s => s.Version == version))];

    /// <summary>A request has ended: what it was bound to and what only it could find is let go.</summary>
    public RequestUsage Close(ActiveRequest owner)
    {
        open.Remove(owner.Id);
        owner.ForgetOwn(prefixes);
        TimeProvider clock = options.Clock;
        long now = clock.GetTimestamp();
        GenerationRequest request = owner.Request;
        if (owner.Started == 0)
        {
            WaitingTokens -= request.PromptLength;
        }
        foreach (AdapterShare share in request.Adapters)
        {
            adapters.Unbind(share.Version);
        }
        return new RequestUsage(
            request.PromptLength,
            owner.CachedTokens,
            owner.GeneratedTokens,
            clock.GetElapsedTime(owner.Arrived, owner.Started == 0 ? now : owner.Started),
            owner.FirstToken == 0 ? TimeSpan.Zero : clock.GetElapsedTime(owner.Arrived, owner.FirstToken),
            clock.GetElapsedTime(owner.Arrived, now),
            owner.Preemptions);
    }

    /// <summary>Forgets all of them, and what only they could find.</summary>
    public void Clear()
    {
        foreach (ActiveRequest request in open.Values)
        {
            request.ForgetOwn(prefixes);
        }
        open.Clear();
    }
}
