namespace Lorikeet.Serving;

/// <summary>Says which waiting request is looked at next. A policy is one file and one line in <see cref="QueuePolicies"/>.</summary>
/// <remarks>A scheduling pass asks <see cref="Next"/> until there is no more room or no more request; what it lets in it takes out.</remarks>
internal abstract class QueuePolicy
{
    /// <summary>Requests that wait.</summary>
    public abstract int Count { get; }

    /// <summary>Takes in a new one.</summary>
    public abstract void Add(Sequence sequence);

    /// <summary>Takes one back that had run and gave its pages to others: it comes before those that never ran.</summary>
    public abstract void PutBack(Sequence sequence);

    /// <summary>Takes one out.</summary>
    public abstract void Remove(Sequence sequence);

    /// <summary>Begins a pass.</summary>
    public abstract void Begin();

    /// <summary>The next to look at in this pass, or null. It may be taken out before the next call.</summary>
    public abstract Sequence? Next();

    /// <summary>One was let in and taken out.</summary>
    public virtual void Admitted(Sequence sequence)
    {
    }

    /// <summary>A running one got tokens, the first of its answer not counted.</summary>
    public virtual void Generated(Sequence sequence, int tokens)
    {
    }
}

/// <summary>All queue policies by name.</summary>
internal static class QueuePolicies
{
    private static readonly (string Name, Func<QueuePolicy> Create)[] All =
    [
        ("fcfs", () => new FirstComeFirstServed()),
        ("vtc", () => new VirtualTokenCounter()),
        ("priority", () => new PriorityOrder()),
        ("abort", () => new EarlyAbort()),
    ];

    public static IEnumerable<string> Names => All.Select(p => p.Name);

    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static QueuePolicy Create(string name) => All.FirstOrDefault(p => p.Name == name).Create?.Invoke()
        ?? throw new ArgumentException($"queue policy '{name}' is not known; expected {string.Join(", ", Names)}");
}
