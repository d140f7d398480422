using System.Diagnostics;
using System.Text;

namespace Lorikeet.Server;

/// <summary>Puts a grammar together from texts, ranges of characters, sequences, choices and repetitions; counts what that costs.</summary>
internal sealed class GrammarBuilder
{
    private readonly List<List<GrammarElement[]>> rules = [[]];
    private readonly int mostElements;
    private readonly long most;
    private long last = Stopwatch.GetTimestamp();
    private long spent;
    private int elements;

    /// <summary>An empty grammar.</summary>
    /// <param name="limits">Its budgets.</param>
    public GrammarBuilder(ServerLimits limits)
    {
        Limits = limits;
        mostElements = 16 * limits.AutomatonStates;
        most = (long)(limits.CompileTime.TotalSeconds * Stopwatch.Frequency);
    }

    public ServerLimits Limits { get; }

    /// <summary>An empty alternative.</summary>
    public static GrammarElement[] Nothing { get; } = [];

    /// <summary>A rule that is filled later, so that others may name it.</summary>
    public int Declare()
    {
        rules.Add([]);
        return rules.Count - 1;
    }

    /// <summary>Adds an alternative to a rule.</summary>
    public void Add(int rule, params GrammarElement[] alternative)
    {
        elements += alternative.Length + 1;
        // Work, not waiting: between two of these calls lie microseconds, and what is longer was the machine's doing. A busy server takes what an idle one takes.
        long now = Stopwatch.GetTimestamp();
        spent += Math.Min(now - last, Stopwatch.Frequency / 500);
        last = now;
        if (elements > mostElements || spent > most)
        {
            throw new GrammarException($"the constraint is too large: more than {mostElements} elements, or longer than {Limits.CompileTime.TotalSeconds} s to compile") { IsLimit = true };
        }
        rules[rule].Add(alternative);
    }

    /// <summary>A rule of alternatives.</summary>
    public GrammarElement Choice(params IEnumerable<GrammarElement[]> alternatives)
    {
        int rule = Declare();
        foreach (GrammarElement[] alternative in alternatives)
        {
            Add(rule, alternative);
        }
        return GrammarElement.Of(rule);
    }

    /// <summary>One element for a sequence.</summary>
    public GrammarElement Sequence(params GrammarElement[] parts) => parts.Length == 1 ? parts[0] : Choice([parts]);

    /// <summary>A text, byte by byte.</summary>
    public static GrammarElement[] Text(string text) => [.. Encoding.UTF8.GetBytes(text).Select(b => GrammarElement.Of(ByteSet.Of(b)))];

    /// <summary>What may be there or not.</summary>
    public GrammarElement Optional(params GrammarElement[] parts) => Choice(parts, Nothing);

    /// <summary>A part again and again.</summary>
    /// <param name="part">The part.</param>
    /// <param name="least">How often at least.</param>
    /// <param name="most">How often at most; null: without end.</param>
    public GrammarElement Repeat(GrammarElement part, int least, int? most)
    {
        int tail;
        if (most is null)
        {
            tail = Declare();
            Add(tail, part, GrammarElement.Of(tail));
            Add(tail);
        }
        else
        {
            // From the last one outwards: each may follow the one before it.
            tail = Declare();
            Add(tail);
            for (int i = least; i < most; i++)
            {
                int outer = Declare();
                Add(outer, part, GrammarElement.Of(tail));
                Add(outer);
                tail = outer;
            }
        }
        for (int i = 0; i < least; i++)
        {
            int outer = Declare();
            Add(outer, part, GrammarElement.Of(tail));
            tail = outer;
        }
        return GrammarElement.Of(tail);
    }

    /// <summary>One character of a set of ranges, as UTF-8.</summary>
    public GrammarElement Characters(CodePoints set)
    {
        ByteSet ascii = default;
        List<GrammarElement[]> alternatives = [];
        foreach ((int first, int last) in set.Ranges)
        {
            if (first < 0x80)
            {
                ascii |= ByteSet.Range(first, Math.Min(last, 0x7F));
            }
            AddUtf8(Math.Max(first, 0x80), last, alternatives);
        }
        if (!ascii.IsEmpty)
        {
            alternatives.Insert(0, [GrammarElement.Of(ascii)]);
        }
        return alternatives is [[var single]] ? single : Choice(alternatives);
    }

    /// <summary>The grammar with a root.</summary>
    public Grammar Build(params GrammarElement[] root)
    {
        Add(0, root);
        return Grammar.Make(rules);
    }

    private static void AddUtf8(int first, int last, List<GrammarElement[]> to)
    {
        ReadOnlySpan<(int First, int Last)> widths = [(0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF)];
        Span<byte> low = stackalloc byte[4], high = stackalloc byte[4];
        foreach ((int from, int to2) in widths)
        {
            int a = Math.Max(first, from), b = Math.Min(last, to2);
            if (a <= b)
            {
                int length = new Rune(a).EncodeToUtf8(low);
                new Rune(b).EncodeToUtf8(high);
                Split(low[..length].ToArray(), high[..length].ToArray(), [], to);
            }
        }
    }

    // Cuts [low, high] into boxes: equal heads, then a range of bytes, then whole tails.
    private static void Split(byte[] low, byte[] high, GrammarElement[] head, List<GrammarElement[]> to)
    {
        if (low.Length == 1)
        {
            to.Add([.. head, GrammarElement.Of(ByteSet.Range(low[0], high[0]))]);
            return;
        }
        byte[] lowest = [.. Enumerable.Repeat((byte)0x80, low.Length - 1)], highest = [.. Enumerable.Repeat((byte)0xBF, low.Length - 1)];
        if (low[0] == high[0])
        {
            Split(low[1..], high[1..], [.. head, GrammarElement.Of(ByteSet.Of(low[0]))], to);
            return;
        }
        int from = low[0], until = high[0];
        if (!low.AsSpan(1).SequenceEqual(lowest))
        {
            Split(low[1..], highest, [.. head, GrammarElement.Of(ByteSet.Of(low[0]))], to);
            from++;
        }
        if (!high.AsSpan(1).SequenceEqual(highest))
        {
            Split(lowest, high[1..], [.. head, GrammarElement.Of(ByteSet.Of(high[0]))], to);
            until--;
        }
        if (from <= until)
        {
            to.Add([.. head, GrammarElement.Of(ByteSet.Range(from, until)), .. lowest.Select(_ => GrammarElement.Of(ByteSet.Range(0x80, 0xBF)))]);
        }
    }
}
