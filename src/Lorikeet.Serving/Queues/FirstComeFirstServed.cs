namespace Lorikeet.Serving;

/// <summary>In the order of arrival.</summary>
internal sealed class FirstComeFirstServed : QueuePolicy
{
    private readonly LinkedList<Sequence> queue = [];
    private LinkedListNode<Sequence>? next;

    public override int Count => queue.Count;

    public override void Add(Sequence sequence) => queue.AddLast(sequence.Place);

    // Preemption goes from the youngest up, so the front keeps their order.
    public override void PutBack(Sequence sequence) => queue.AddFirst(sequence.Place);

    public override void Remove(Sequence sequence) => queue.Remove(sequence.Place);

    public override void Begin() => next = queue.First;

    public override Sequence? Next()
    {
        LinkedListNode<Sequence>? present = next;
        next = present?.Next;
        return present?.Value;
    }
}
