namespace Lorikeet.Server;

/// <summary>A context-free grammar over bytes: rules of alternatives of elements, each a set of bytes or a rule.</summary>
/// <remarks>No rule may begin with itself (left recursion): the automaton would not end.</remarks>
internal sealed class Grammar
{
    private Grammar(GrammarElement[] elements, int[][] alternatives)
    {
        Elements = elements;
        Alternatives = alternatives;
    }

    /// <summary>All alternatives' elements one after the other, each alternative closed by an end.</summary>
    public GrammarElement[] Elements { get; }

    /// <summary>By rule, the first element of each alternative. Rule 0 is where a text begins.</summary>
    public int[][] Alternatives { get; }

    /// <summary>Makes the grammar.</summary>
    /// <param name="rules">By rule its alternatives.</param>
    /// <exception cref="GrammarException">A rule begins with itself.</exception>
    public static Grammar Make(IReadOnlyList<List<GrammarElement[]>> rules)
    {
        List<GrammarElement> elements = [];
        int[][] alternatives = new int[rules.Count][];
        for (int rule = 0; rule < rules.Count; rule++)
        {
            alternatives[rule] = new int[rules[rule].Count];
            for (int i = 0; i < rules[rule].Count; i++)
            {
                alternatives[rule][i] = elements.Count;
                elements.AddRange(rules[rule][i]);
                elements.Add(GrammarElement.End);
            }
        }
        CheckLeftRecursion(rules);
        return new Grammar([.. elements], alternatives);
    }

    // A rule in last place needs no way back, so it may begin with itself there; anywhere else the stacks would grow without a byte.
    private static void CheckLeftRecursion(IReadOnlyList<List<GrammarElement[]>> rules)
    {
        bool[] nullable = Nullable(rules);
        int[] component = StrongComponents.Of(rules.Count, rule => First(rules[rule], nullable).Select(e => e.Rule));
        for (int rule = 0; rule < rules.Count; rule++)
        {
            foreach ((int next, bool last) in First(rules[rule], nullable))
            {
                if (!last && component[next] == component[rule])
                {
                    throw new GrammarException("a rule of the grammar begins with itself; write the repetition after what is repeated");
                }
            }
        }
    }

    private static IEnumerable<(int Rule, bool Last)> First(List<GrammarElement[]> rule, bool[] nullable)
    {
        foreach (GrammarElement[] alternative in rule)
        {
            for (int i = 0; i < alternative.Length && alternative[i].Rule >= 0; i++)
            {
                yield return (alternative[i].Rule, i == alternative.Length - 1);
                if (!nullable[alternative[i].Rule])
                {
                    break;
                }
            }
        }
    }

    private static bool[] Nullable(IReadOnlyList<List<GrammarElement[]>> rules)
    {
        // Whoever waits for a rule is told once when it can be empty.
        bool[] nullable = new bool[rules.Count];
        List<(int Rule, int Missing)> waiting = [];
        List<int>?[] users = new List<int>?[rules.Count];
        Queue<int> fresh = [];
        for (int rule = 0; rule < rules.Count; rule++)
        {
            foreach (GrammarElement[] alternative in rules[rule])
            {
                if (alternative.Any(e => e.Rule < 0))
                {
                    continue;
                }
                if (alternative.Length == 0)
                {
                    Mark(rule);
                    continue;
                }
                foreach (GrammarElement element in alternative)
                {
                    (users[element.Rule] ??= []).Add(waiting.Count);
                }
                waiting.Add((rule, alternative.Length));
            }
        }
        while (fresh.TryDequeue(out int known))
        {
            foreach (int user in users[known] ?? [])
            {
                waiting[user] = (waiting[user].Rule, waiting[user].Missing - 1);
                if (waiting[user].Missing == 0)
                {
                    Mark(waiting[user].Rule);
                }
            }
        }
        return nullable;

        void Mark(int rule)
        {
            if (!nullable[rule])
            {
                nullable[rule] = true;
                fresh.Enqueue(rule);
            }
        }
    }
}

/// <summary>One element: a rule (0 or more), a set of bytes (-1), or the end of an alternative (-2).</summary>
internal readonly record struct GrammarElement(int Rule, ByteSet Bytes)
{
    public static GrammarElement End { get; } = new(-2, default);

    public bool IsEnd => Rule == -2;

    public static GrammarElement Of(int rule) => new(rule, default);

    public static GrammarElement Of(in ByteSet bytes) => new(-1, bytes);
}

/// <summary>A constraint that cannot be compiled; the message says where and why.</summary>
internal sealed class GrammarException : Exception
{
    public GrammarException()
    {
    }

    public GrammarException(string message)
        : base(message)
    {
    }

    public GrammarException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    public GrammarException(string message, string pointer)
        : base(message) => Pointer = pointer;

    /// <summary>Where in a schema, as a JSON pointer; or null.</summary>
    public string? Pointer { get; }

    /// <summary>True where a budget was exceeded.</summary>
    public bool IsLimit { get; init; }
}
