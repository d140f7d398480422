using System.Runtime.InteropServices;

namespace Lorikeet.Server;

/// <summary>A grammar's states, made as they are met: each is a set of stacks of places in the grammar, numbered; steps by bytes are kept.</summary>
/// <remarks>Thread-safe. Stacks are shared lists, so equal tails are one; a state is the ordered set of its stacks' numbers.</remarks>
internal sealed class Automaton
{
    /// <summary>The state of a text that cannot go on.</summary>
    public const int Dead = -1;

    private const int Unknown = -2;

    private readonly Grammar grammar;
    private readonly int mostStates;
    private readonly Lock gate = new();
    private readonly List<(int Element, int Below)> nodes = [];
    private readonly Dictionary<(int Element, int Below), int> nodeNumbers = [];
    private readonly List<int[]> states = [];
    private readonly List<bool> accepting = [];
    private readonly List<int[]> steps = [];
    private readonly Dictionary<StackSet, int> stateNumbers = [];

    /// <summary>The automaton of a grammar.</summary>
    /// <param name="grammar">The grammar.</param>
    /// <param name="mostStates">The most states; a text that needs more is refused.</param>
    public Automaton(Grammar grammar, int mostStates)
    {
        this.grammar = grammar;
        this.mostStates = mostStates;
        lock (gate)
        {
            Closure closure = new(this);
            foreach (int start in grammar.Alternatives[0])
            {
                closure.Enter(start, -1);
            }
            Start = closure.Finish();
        }
    }

    /// <summary>The state before a text.</summary>
    public int Start { get; }

    /// <summary>States met so far.</summary>
    public int States
    {
        get
        {
            lock (gate)
            {
                return states.Count;
            }
        }
    }

    /// <summary>Whether a text may end in a state.</summary>
    public bool Accepts(int state)
    {
        lock (gate)
        {
            return state >= 0 && accepting[state];
        }
    }

    /// <summary>Whether a text in a state may go on.</summary>
    public bool GoesOn(int state)
    {
        lock (gate)
        {
            return state >= 0 && states[state].Length > 0;
        }
    }

    /// <summary>The state after one more byte, or <see cref="Dead"/>.</summary>
    /// <exception cref="GrammarException">The text needs more states than are allowed.</exception>
    public int Step(int state, byte value)
    {
        lock (gate)
        {
            return StepLocked(state, value);
        }
    }

    /// <summary>The state after some bytes, or <see cref="Dead"/>.</summary>
    public int Step(int state, ReadOnlySpan<byte> text)
    {
        lock (gate)
        {
            foreach (byte value in text)
            {
                if (state < 0)
                {
                    break;
                }
                state = StepLocked(state, value);
            }
            return state;
        }
    }

    /// <summary>Runs something that takes many steps, holding the lock once.</summary>
    internal void Walk(Action<Func<int, byte, int>> walk)
    {
        lock (gate)
        {
            walk(StepLocked);
        }
    }

    private int StepLocked(int state, byte value)
    {
        if (state < 0)
        {
            return Dead;
        }
        int[] known = steps[state];
        if (known[value] != Unknown)
        {
            return known[value];
        }
        Closure closure = new(this);
        foreach (int node in states[state])
        {
            (int element, int below) = nodes[node];
            if (grammar.Elements[element].Bytes.Contains(value))
            {
                closure.Enter(element + 1, below);
            }
        }
        return known[value] = closure.Finish();
    }

    private int Node(int element, int below)
    {
        ref int number = ref CollectionsMarshal.GetValueRefOrAddDefault(nodeNumbers, (element, below), out bool exists);
        if (!exists)
        {
            if (nodes.Count >= 8 * mostStates)
            {
                nodeNumbers.Remove((element, below));
                throw TooLarge();
            }
            number = nodes.Count;
            nodes.Add((element, below));
        }
        return number;
    }

    private GrammarException TooLarge() => new($"the constraint needs more than {mostStates} states") { IsLimit = true };

    // From places in the grammar to those that wait for a byte: rules are entered, ended alternatives left.
    private struct Closure(Automaton owner)
    {
        private readonly SortedSet<int> ready = [];
        private readonly HashSet<(int, int)> seen = [];
        private readonly Stack<(int Element, int Below)> open = [];
        private bool ends;

        public void Enter(int element, int below)
        {
            open.Push((element, below));
            while (open.TryPop(out (int Element, int Below) place))
            {
                if (!seen.Add(place))
                {
                    continue;
                }
                GrammarElement found = owner.grammar.Elements[place.Element];
                if (found.IsEnd)
                {
                    if (place.Below < 0)
                    {
                        ends = true;
                    }
                    else
                    {
                        (int Element, int Below) up = owner.nodes[place.Below];
                        open.Push(up);
                    }
                }
                else if (found.Rule < 0)
                {
                    ready.Add(owner.Node(place.Element, place.Below));
                    if (ready.Count > owner.mostStates)
                    {
                        throw owner.TooLarge();
                    }
                }
                else
                {
                    // A rule at the end of an alternative needs no way back to it.
                    int back = owner.grammar.Elements[place.Element + 1].IsEnd ? place.Below : owner.Node(place.Element + 1, place.Below);
                    foreach (int start in owner.grammar.Alternatives[found.Rule])
                    {
                        open.Push((start, back));
                    }
                }
            }
        }

        public readonly int Finish()
        {
            if (ready.Count == 0 && !ends)
            {
                return Dead;
            }
            int[] stacks = [.. ready];
            StackSet key = new(stacks, ends);
            if (owner.stateNumbers.TryGetValue(key, out int number))
            {
                return number;
            }
            if (owner.states.Count >= owner.mostStates)
            {
                throw owner.TooLarge();
            }
            number = owner.states.Count;
            owner.stateNumbers[key] = number;
            owner.states.Add(stacks);
            owner.accepting.Add(ends);
            int[] fresh = new int[256];
            Array.Fill(fresh, Unknown);
            owner.steps.Add(fresh);
            return number;
        }
    }

    private readonly struct StackSet(int[] stacks, bool ends) : IEquatable<StackSet>
    {
        private readonly int[] stacks = stacks;
        private readonly bool ends = ends;

        public bool Equals(StackSet other) => ends == other.ends && stacks.AsSpan().SequenceEqual(other.stacks);

        public override bool Equals(object? obj) => obj is StackSet other && Equals(other);

        public override int GetHashCode()
        {
            HashCode hash = default;
            hash.AddBytes(MemoryMarshal.AsBytes(stacks.AsSpan()));
            hash.Add(ends);
            return hash.ToHashCode();
        }
    }
}
