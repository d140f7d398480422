namespace Lorikeet.Serving;

/// <summary>The lowest priority number first; equal ones in the order of arrival.</summary>
internal sealed class PriorityOrder : QueuePolicy
{
    private readonly LinkedList<Sequence> queue = [];
    private LinkedListNode<Sequence>? next;

    public override int Count => queue.Count;

    public override void Add(Sequence sequence)
    {
        LinkedListNode<Sequence>? before = queue.Last;
        while (before is not null && before.Value.Request.Priority > sequence.Request.Priority)
        {
            before = before.Previous;
        }
        Insert(before, sequence);
    }

    public override void PutBack(Sequence sequence)
    {
        LinkedListNode<Sequence>? before = queue.Last;
        while (before is not null && before.Value.Request.Priority >= sequence.Request.Priority)
        {
            before = before.Previous;
        }
        Insert(before, sequence);
    }

    public override void Remove(Sequence sequence) => queue.Remove(sequence.Place);

    public override void Begin() => next = queue.First;

    public override Sequence? Next()
    {
        LinkedListNode<Sequence>? present = next;
        next = present?.Next;
        return present?.Value;
    }

    private void Insert(LinkedListNode<Sequence>? before, Sequence sequence)
    {
        if (before is null)
        {
            queue.AddFirst(sequence.Place);
        }
        else
        {
            queue.AddAfter(before, sequence.Place);
        }
    }
}
