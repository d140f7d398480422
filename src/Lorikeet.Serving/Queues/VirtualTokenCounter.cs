namespace Lorikeet.Serving;

/// <summary>Fair between tenants: each has a counter of the tokens it was served, and the oldest request of the lowest counter comes next.</summary>
/// <remarks>
/// c += prompt tokens / weight when a request is let in, and 2 / weight for each token after the first. A tenant whose queue was empty starts at the
/// lowest counter of those who wait, or of the last who left: idleness earns no credit. Source: Sheng et al., Fairness in Serving Large Language
/// Models, arXiv 2401.00588, algorithm 2, with the weights of its section 4.3 and w_p = 1, w_q = 2.
/// </remarks>
internal sealed class VirtualTokenCounter : QueuePolicy
{
    private const double PromptPrice = 1;
    private const double AnswerPrice = 2;

    // In the order of first arrival, which decides between equal counters.
    private readonly List<Tenant> tenants = [];
    private readonly Dictionary<string, Tenant> byName = new(StringComparer.Ordinal);
    private Tenant? lastToLeave;
    private int count;

    public override int Count => count;

    /// <summary>A tenant's counter; 0 where it is not known.</summary>
    public double Counter(string tenant) => byName.TryGetValue(tenant, out Tenant? known) ? known.Counter : 0;

    public override void Add(Sequence sequence)
    {
        Tenant tenant = Of(sequence);
        if (tenant.Queue.Count == 0)
        {
            Lift(tenant);
        }
        tenant.Queue.AddLast(sequence.Place);
        count++;
    }

    public override void PutBack(Sequence sequence)
    {
        Of(sequence).Queue.AddFirst(sequence.Place);
        count++;
    }

    public override void Remove(Sequence sequence)
    {
        Tenant tenant = Of(sequence);
        tenant.Queue.Remove(sequence.Place);
        count--;
        if (tenant.Queue.Count == 0)
        {
            lastToLeave = tenant;
        }
    }

    public override void Begin()
    {
        foreach (Tenant tenant in tenants)
        {
            tenant.Next = tenant.Queue.First;
        }
    }

    public override Sequence? Next()
    {
        Tenant? least = null;
        foreach (Tenant tenant in tenants)
        {
            if (tenant.Next is not null && (least is null || tenant.Counter < least.Counter))
            {
                least = tenant;
            }
        }
        LinkedListNode<Sequence>? present = least?.Next;
        if (present is not null)
        {
            least!.Next = present.Next;
        }
        return present?.Value;
    }

    public override void Admitted(Sequence sequence)
    {
        if (!sequence.IsCharged)
        {
            Charge(sequence, PromptPrice * sequence.PromptLength);
        }
    }

    public override void Generated(Sequence sequence, int tokens) => Charge(sequence, AnswerPrice * tokens);

    private void Charge(Sequence sequence, double price) => Of(sequence).Counter += price / sequence.Request.TenantWeight;

    private void Lift(Tenant tenant)
    {
        double least = double.PositiveInfinity;
        foreach (Tenant other in tenants)
        {
            least = other != tenant && other.Queue.Count > 0 ? Math.Min(least, other.Counter) : least;
        }
        if (double.IsPositiveInfinity(least))
        {
            least = lastToLeave?.Counter ?? 0;
        }
        tenant.Counter = Math.Max(tenant.Counter, least);
    }

    private Tenant Of(Sequence sequence)
    {
        string name = sequence.Request.Tenant;
        if (!byName.TryGetValue(name, out Tenant? tenant))
        {
            byName[name] = tenant = new Tenant();
            tenants.Add(tenant);
        }
        return tenant;
    }

    private sealed class Tenant
    {
        public double Counter { get; set; }

        public LinkedList<Sequence> Queue { get; } = [];

        public LinkedListNode<Sequence>? Next { get; set; }
    }
}
