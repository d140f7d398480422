namespace Lorikeet.Models.Text.Patterns;

/// <summary>Turns a pattern's parts into steps.</summary>
internal sealed class PatternCompiler
{
    private const int MostSteps = 20_000;
    private const int LongestLookBehind = 255;

    private readonly List<Step> steps = [];
    private readonly List<CharacterSet> sets = [];
    private readonly int groups;
    private int registers;

    private PatternCompiler(PatternNode root)
    {
        // Without references back nothing has to be remembered.
        groups = Refers(root) ? CountGroups(root) : 0;
        registers = groups * 2;
    }

    /// <summary>Compiles a pattern.</summary>
    /// <exception cref="NotSupportedException">It is too large; the message is part of a sentence.</exception>
    public static PatternProgram Compile(PatternNode root)
    {
        PatternCompiler compiler = new(root);
        compiler.Add(root, null);
        compiler.Emit(new Step(Operation.Accept));
        (CharacterSet first, bool empty) = FirstOf(root);
        return new PatternProgram([.. compiler.steps], [.. compiler.sets], compiler.registers, empty ? null : first);
    }

    // What comes behind a part decides whether its last repetition may ever have to give something back.
    private void Add(PatternNode node, CharacterSet? next)
    {
        switch (node)
        {
            case PatternNode.Set set:
                Emit(new Step(Operation.Set, SetNumber(set.Members)));
                break;
            case PatternNode.Sequence sequence:
                for (int i = 0; i < sequence.Parts.Count; i++)
                {
                    Add(sequence.Parts[i], NextOf(sequence, i + 1, next));
                }
                break;
            case PatternNode.Choice choice:
                AddChoice(choice, next);
                break;
            case PatternNode.Repeat { Body: PatternNode.Set body } repeat:
                Operation operation = repeat.Lazy ? Operation.Lazy
                    : next is not null && body.Members.And(next).IsEmpty ? Operation.Possessive
                    : Operation.Greedy;
                Emit(new Step(operation, SetNumber(body.Members), repeat.Least, repeat.Most));
                break;
            case PatternNode.Repeat repeat:
                AddRepeat(repeat);
                break;
            case PatternNode.Atomic { Body: PatternNode.Repeat { Body: PatternNode.Set body, Lazy: false } repeat }:
                Emit(new Step(Operation.Possessive, SetNumber(body.Members), repeat.Least, repeat.Most));
                break;
            case PatternNode.Atomic atomic:
                AddInner(atomic.Body, new Step(Operation.Atomic));
                break;
            case PatternNode.Look look:
                (int shortest, int longest) = look.Behind ? LengthOf(look.Body) : (0, 0);
                if (longest > LongestLookBehind)
                {
                    longest = LongestLookBehind;
                }
                AddInner(look.Body, new Step(Operation.Look, 0, (look.Behind ? 1 : 0) + (look.Negative ? 2 : 0), shortest, longest));
                break;
            case PatternNode.Group group:
                if (groups == 0)
                {
                    Add(group.Body, next);
                    break;
                }
                Emit(new Step(Operation.Save, group.Number * 2));
                Add(group.Body, null);
                Emit(new Step(Operation.Save, group.Number * 2 + 1));
                break;
            case PatternNode.BackReference reference:
                Emit(new Step(Operation.BackReference, reference.Number, reference.IgnoreCase ? 1 : 0));
                break;
            case PatternNode.Anchor anchor:
                Emit(new Step(Operation.Anchor, (int)anchor.Kind));
                break;
            default:
                throw new NotSupportedException($"has a {node.GetType().Name}, which is not supported");
        }
    }

    private void AddChoice(PatternNode.Choice choice, CharacterSet? next)
    {
        List<int> ends = [];
        for (int i = 0; i < choice.Options.Count; i++)
        {
            bool last = i == choice.Options.Count - 1;
            int split = last ? -1 : Emit(new Step(Operation.Split));
            Add(choice.Options[i], next);
            if (!last)
            {
                ends.Add(Emit(new Step(Operation.Jump)));
                steps[split] = new Step(Operation.Split, split + 1, steps.Count);
            }
        }
        foreach (int end in ends)
        {
            steps[end] = new Step(Operation.Jump, steps.Count);
        }
    }

    private void AddRepeat(PatternNode.Repeat repeat)
    {
        for (int i = 0; i < repeat.Least; i++)
        {
            Add(repeat.Body, null);
        }
        if (repeat.Most == int.MaxValue)
        {
            int register = registers++;
            int split = Emit(new Step(Operation.Split));
            Emit(new Step(Operation.Save, register));
            Add(repeat.Body, null);
            int check = Emit(new Step(Operation.LeaveIfEmpty));
            Emit(new Step(Operation.Jump, split));
            steps[check] = new Step(Operation.LeaveIfEmpty, register, steps.Count);
            steps[split] = Choose(repeat.Lazy, split + 1, steps.Count);
            return;
        }
        List<int> splits = [];
        for (int i = repeat.Least; i < repeat.Most; i++)
        {
            splits.Add(Emit(new Step(Operation.Split)));
            Add(repeat.Body, null);
        }
        foreach (int split in splits)
        {
            steps[split] = Choose(repeat.Lazy, split + 1, steps.Count);
        }
    }

    private static Step Choose(bool lazy, int on, int off) => lazy ? new Step(Operation.Split, off, on) : new Step(Operation.Split, on, off);

    private void AddInner(PatternNode body, Step step)
    {
        int start = Emit(step);
        Add(body, null);
        if (step.Operation == Operation.Look && (step.B & 1) != 0)
        {
            Emit(new Step(Operation.EndOfLook));
        }
        Emit(new Step(Operation.Accept));
        steps[start] = step with { A = steps.Count };
    }

    private int Emit(Step step)
    {
        if (steps.Count == MostSteps)
        {
            throw new NotSupportedException($"has more than {MostSteps} steps");
        }
        steps.Add(step);
        return steps.Count - 1;
    }

    private int SetNumber(CharacterSet set)
    {
        int number = sets.IndexOf(set);
        if (number < 0)
        {
            number = sets.Count;
            sets.Add(set);
        }
        return number;
    }

    // What the rest of a sequence must begin with; null where that is not known.
    private static CharacterSet? NextOf(PatternNode.Sequence sequence, int from, CharacterSet? next)
    {
        (CharacterSet first, bool empty) = FirstOf(new PatternNode.Sequence([.. sequence.Parts.Skip(from)]));
        return !empty ? first : next is null ? null : first.Or(next);
    }

    private static (CharacterSet First, bool Empty) FirstOf(PatternNode node)
    {
        switch (node)
        {
            case PatternNode.Set set:
                return (set.Members, false);
            case PatternNode.Sequence sequence:
                CharacterSet all = CharacterSet.Of([]);
                foreach (PatternNode part in sequence.Parts)
                {
                    (CharacterSet first, bool empty) = FirstOf(part);
                    all = all.Or(first);
                    if (!empty)
                    {
                        return (all, false);
                    }
                }
                return (all, true);
            case PatternNode.Choice choice:
                (CharacterSet First, bool Empty)[] options = [.. choice.Options.Select(FirstOf)];
                return (CharacterSet.Of(options.SelectMany(o => o.First.Ranges)), options.Any(o => o.Empty));
            case PatternNode.Repeat repeat:
                (CharacterSet body, bool none) = repeat.Most == 0 ? (CharacterSet.Of([]), true) : FirstOf(repeat.Body);
                return (body, none || repeat.Least == 0);
            case PatternNode.Atomic atomic:
                return FirstOf(atomic.Body);
            case PatternNode.Group group:
                return FirstOf(group.Body);
            case PatternNode.BackReference:
                return (Properties.All, true);
            default:
                // A place or a look takes nothing; what follows must match too.
                return (CharacterSet.Of([]), true);
        }
    }

    // In characters.
    private static (int Shortest, int Longest) LengthOf(PatternNode node)
    {
        switch (node)
        {
            case PatternNode.Set:
                return (1, 1);
            case PatternNode.Sequence sequence:
                return sequence.Parts.Select(LengthOf).Aggregate((0, 0), (a, b) => (Sum(a.Item1, b.Shortest), Sum(a.Item2, b.Longest)));
            case PatternNode.Choice choice:
                (int Shortest, int Longest)[] lengths = [.. choice.Options.Select(LengthOf)];
                return (lengths.Min(l => l.Shortest), lengths.Max(l => l.Longest));
            case PatternNode.Repeat repeat:
                (int shortest, int longest) = LengthOf(repeat.Body);
                return (Times(shortest, repeat.Least), Times(longest, repeat.Most));
            case PatternNode.Atomic atomic:
                return LengthOf(atomic.Body);
            case PatternNode.Group group:
                return LengthOf(group.Body);
            case PatternNode.BackReference:
                return (0, int.MaxValue);
            default:
                return (0, 0);
        }

        static int Sum(int a, int b) => (int)Math.Min(int.MaxValue, a + (long)b);

        static int Times(int a, int b) => (int)Math.Min(int.MaxValue, a * (long)b);
    }

    private static bool Refers(PatternNode node) => node is PatternNode.BackReference || Children(node).Any(Refers);

    private static int CountGroups(PatternNode node) => Math.Max(node is PatternNode.Group g ? g.Number + 1 : 1, Children(node).Select(CountGroups).DefaultIfEmpty().Max());

    private static IEnumerable<PatternNode> Children(PatternNode node) => node switch
    {
        PatternNode.Sequence sequence => sequence.Parts,
        PatternNode.Choice choice => choice.Options,
        PatternNode.Repeat repeat => [repeat.Body],
        PatternNode.Atomic atomic => [atomic.Body],
        PatternNode.Look look => [look.Body],
        PatternNode.Group group => [group.Body],
        _ => [],
    };
}
