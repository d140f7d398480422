using System.Collections.Concurrent;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>What a constraint allows, token by token; shared by all choices of a request and by equal requests.</summary>
internal sealed class TokenConstraint(Automaton automaton, TokenTrie trie)
{
    private const int MostMasks = 4096;
    private readonly ConcurrentDictionary<int, ulong[]> masks = [];

    public Automaton Automaton => automaton;

    /// <summary>A walk from the beginning of an answer.</summary>
    /// <param name="ends">The tokens that end an answer; allowed where the text may end.</param>
    public ITokenConstraint Begin(IReadOnlyList<int> ends) => new Walk(this, [.. ends]);

    private ulong[] Mask(int state)
    {
        if (masks.TryGetValue(state, out ulong[]? mask))
        {
            return mask;
        }
        mask = trie.Allowed(automaton, state);
        if (masks.Count < MostMasks)
        {
            masks[state] = mask;
        }
        return mask;
    }

    private sealed class Walk(TokenConstraint owner, int[] ends) : ITokenConstraint
    {
        private readonly float[] kept = new float[ends.Length];
        private int state = owner.Automaton.Start;

        public void Mask(Span<float> scores)
        {
            for (int i = 0; i < ends.Length; i++)
            {
                kept[i] = ends[i] < scores.Length ? scores[ends[i]] : float.NegativeInfinity;
            }
            if (state < 0)
            {
                scores.Fill(float.NegativeInfinity);
            }
            else
            {
                ulong[] mask = owner.Mask(state);
                for (int id = 0; id < scores.Length; id++)
                {
                    if (id >= mask.Length * 64 || (mask[id >> 6] >> (id & 63) & 1) == 0)
                    {
                        scores[id] = float.NegativeInfinity;
                    }
                }
            }
            // A walk that left the grammar (it cannot) may only end.
            bool mayEnd = state < 0 || owner.Automaton.Accepts(state);
            for (int i = 0; i < ends.Length; i++)
            {
                if (ends[i] < scores.Length)
                {
                    scores[ends[i]] = mayEnd ? kept[i] : float.NegativeInfinity;
                }
            }
        }

        public void Accept(int token)
        {
            if (Array.IndexOf(ends, token) < 0)
            {
                state = owner.Bytes(token) is { } bytes ? owner.Automaton.Step(state, bytes) : Automaton.Dead;
            }
        }
    }

    private byte[]? Bytes(int token) => token < trie.Tokens.Count ? trie.Tokens[token] : null;
}
