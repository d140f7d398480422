namespace Lorikeet.Models.Text.Unigram;

/// <summary>The tokens of a vocabulary by their characters, one step a UTF-16 unit.</summary>
internal sealed class TokenTrie
{
    /// <summary>Where every walk starts.</summary>
    public const int Root = 0;

    private readonly PairTable edges;

    /// <summary>Makes the trie of tokens with their ids; an empty token is never found.</summary>
    public TokenTrie(IEnumerable<KeyValuePair<string, int>> tokens)
    {
        Dictionary<long, (int First, int Second)> steps = [];
        int nodes = 1;
        foreach ((string token, int id) in tokens)
        {
            int node = Root;
            for (int i = 0; i < token.Length; i++)
            {
                long key = PairTable.Key(node, token[i]);
                if (!steps.TryGetValue(key, out (int Next, int Id) step))
                {
                    step = (nodes++, -1);
                    steps.Add(key, step);
                }
                if (i == token.Length - 1)
                {
                    steps[key] = (step.Next, id);
                }
                node = step.Next;
            }
        }
        edges = new PairTable(steps);
    }

    /// <summary>Goes on by one unit.</summary>
    /// <param name="node">Where the walk is.</param>
    /// <param name="unit">The unit.</param>
    /// <param name="id">The token that ends there, or -1.</param>
    /// <returns>False where no token goes on so.</returns>
    public bool TryStep(ref int node, char unit, out int id)
    {
        if (!edges.TryGet(node, unit, out int next, out id))
        {
            return false;
        }
        node = next;
        return true;
    }
}
