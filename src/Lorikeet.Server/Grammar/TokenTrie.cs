using Lorikeet.Models.Text;

namespace Lorikeet.Server;

/// <summary>A vocabulary's tokens as bytes, in a tree: what a constraint allows next is found in one walk.</summary>
internal sealed class TokenTrie
{
    private readonly List<Node> nodes = [new()];

    /// <summary>The tree of a tokenizer.</summary>
    /// <param name="tokens">The tokens' bytes; null or empty: never allowed by a constraint.</param>
    public TokenTrie(IReadOnlyList<byte[]?> tokens)
    {
        Tokens = tokens;
        for (int id = 0; id < tokens.Count; id++)
        {
            if (tokens[id] is { Length: > 0 } bytes)
            {
                int node = 0;
                foreach (byte value in bytes)
                {
                    node = Child(node, value);
                }
                nodes[node].Ids.Add(id);
            }
        }
    }

    public IReadOnlyList<byte[]?> Tokens { get; }

    /// <summary>The tokens that keep a text within an automaton, as bits.</summary>
    public ulong[] Allowed(Automaton automaton, int state)
    {
        ulong[] bits = new ulong[(Tokens.Count + 63) / 64];
        automaton.Walk(step =>
        {
            Stack<(int Node, int State)> open = [];
            open.Push((0, state));
            while (open.TryPop(out (int Node, int State) at))
            {
                Node node = nodes[at.Node];
                foreach (int id in node.Ids)
                {
                    bits[id >> 6] |= 1UL << (id & 63);
                }
                foreach ((byte value, int child) in node.Children)
                {
                    int next = step(at.State, value);
                    if (next >= 0)
                    {
                        open.Push((child, next));
                    }
                }
            }
        });
        return bits;
    }

    private int Child(int node, byte value)
    {
        foreach ((byte known, int child) in nodes[node].Children)
        {
            if (known == value)
            {
                return child;
            }
        }
        nodes.Add(new Node());
        nodes[node].Children.Add((value, nodes.Count - 1));
        return nodes.Count - 1;
    }

    private sealed class Node
    {
        public List<int> Ids { get; } = [];

        public List<(byte Value, int Child)> Children { get; } = [];
    }
}
