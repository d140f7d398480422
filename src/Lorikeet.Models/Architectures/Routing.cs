using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Which rows go to which expert in one block of a step.</summary>
internal sealed class Routing
{
    private int[] chosen = [];
    private int[] order = [];
    private int[] places = [];
    private int[] same = [];
    private int[] starts = [];
    private int rows;
    private int perToken;
    private int experts;

    /// <summary>[rows, perToken] experts, for the router to fill in ascending order.</summary>
    public Memory<int> Chosen => chosen.AsMemory(0, rows * perToken);

    /// <summary>[rows * perToken] rows, sorted by expert and then ascending.</summary>
    public ReadOnlyMemory<int> Order => order.AsMemory(0, rows * perToken);

    /// <summary>[rows, perToken] places in <see cref="Order"/>.</summary>
    public ReadOnlyMemory<int> Places => places.AsMemory(0, rows * perToken);

    /// <summary>[rows] each row's own number.</summary>
    public ReadOnlyMemory<int> Same => same.AsMemory(0, rows);

    /// <summary>What the experts answered, in their order.</summary>
    public List<Tensor> Answers { get; } = [];

    /// <summary>Where an expert's rows begin in <see cref="Order"/>.</summary>
    /// <param name="expert">The expert.</param>
    public int Start(int expert) => starts[expert];

    /// <summary>An expert's rows, ascending.</summary>
    /// <param name="expert">The expert.</param>
    public ReadOnlySpan<int> RowsOf(int expert) => order.AsSpan(starts[expert]..starts[expert + 1]);

    /// <summary>Begins a block.</summary>
    /// <param name="count">Rows.</param>
    /// <param name="each">Experts for each row.</param>
    /// <param name="of">Experts in all.</param>
    public void Begin(int count, int each, int of)
    {
        (rows, perToken, experts) = (count, each, of);
        int choices = checked(count * each);
        if (chosen.Length < choices)
        {
            int length = Math.Max(choices, 2 * chosen.Length);
            (chosen, order, places) = (new int[length], new int[length], new int[length]);
        }
        if (same.Length < count)
        {
            same = new int[Math.Max(count, 2 * same.Length)];
            for (int i = 0; i < same.Length; i++)
            {
                same[i] = i;
            }
        }
        starts = starts.Length > of ? starts : new int[of + 1];
    }

    /// <summary>Sorts the choices by expert: a counting sort, which keeps rows ascending.</summary>
    public void Sort()
    {
        ReadOnlySpan<int> choices = Chosen.Span;
        Array.Clear(starts, 0, experts + 1);
        foreach (int expert in choices)
        {
            starts[expert + 1]++;
        }
        for (int e = 0; e < experts; e++)
        {
            starts[e + 1] += starts[e];
        }
        for (int i = 0; i < choices.Length; i++)
        {
            int at = starts[choices[i]]++;
            order[at] = i / perToken;
            places[i] = at;
        }
        // Each start has moved on to the next expert's.
        for (int e = experts; e > 0; e--)
        {
            starts[e] = starts[e - 1];
        }
        starts[0] = 0;
    }
}
