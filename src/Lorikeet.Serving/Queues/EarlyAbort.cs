namespace Lorikeet.Serving;

/// <summary>The oldest first while all can be served in time; the newest first while more arrive than are let in.</summary>
/// <remarks>
/// For requests with <see cref="GenerationRequest.StartWithin"/>, which end by themselves when it is too late for them: under overload the oldest
/// are those that will be late anyway. Source: early abort of S-LoRA (Sheng et al., arXiv 2311.03285, section 4.2, and router/abort_req_queue.py of its
/// code), with arrivals and admissions averaged by scheduling pass.
/// </remarks>
internal sealed class EarlyAbort : QueuePolicy
{
    // A pass is one step, which lets in few: the averages reach back over some thirty.
    private const double Fresh = 0.03;

    private readonly LinkedList<Sequence> queue = [];
    private LinkedListNode<Sequence>? next;
    private double arrivals;
    private double admissions;
    private int arrived;
    private int admitted;

    public override int Count => queue.Count;

    private bool NewestFirst => arrivals > admissions;

    public override void Add(Sequence sequence)
    {
        queue.AddLast(sequence.Place);
        arrived++;
    }

    public override void PutBack(Sequence sequence) => queue.AddFirst(sequence.Place);

    public override void Remove(Sequence sequence) => queue.Remove(sequence.Place);

    public override void Begin()
    {
        arrivals += Fresh * (arrived - arrivals);
        admissions += Fresh * (admitted - admissions);
        (arrived, admitted) = (0, 0);
        next = NewestFirst ? queue.Last : queue.First;
    }

    public override Sequence? Next()
    {
        LinkedListNode<Sequence>? present = next;
        next = NewestFirst ? present?.Previous : present?.Next;
        return present?.Value;
    }

    public override void Admitted(Sequence sequence) => admitted++;
}
