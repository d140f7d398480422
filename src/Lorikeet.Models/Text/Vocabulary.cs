using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text;

/// <summary>The tokens of a model and their ids.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int> ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> idsBySpan;
    private readonly string?[] tokens;

    private Vocabulary(Dictionary<string, int> ids, string?[] tokens)
    {
        this.ids = ids;
        this.tokens = tokens;
        idsBySpan = ids.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>One more than the largest id.</summary>
    public int Size => tokens.Length;

    /// <summary>How many tokens there are.</summary>
    public int Count => ids.Count;

    /// <summary>All tokens with their ids.</summary>
    public IEnumerable<KeyValuePair<string, int>> All => ids;

    public bool TryGet(ReadOnlySpan<char> token, out int id) => idsBySpan.TryGetValue(token, out id);

    public int? IdOf(string token) => ids.TryGetValue(token, out int id) ? id : null;

    public string? TokenOf(int id) => (uint)id < (uint)tokens.Length ? tokens[id] : null;

    /// <summary>The tokens of a list; the id is the place. Of a token listed twice the last counts.</summary>
    public static Vocabulary Of(IReadOnlyList<string> list)
    {
        Dictionary<string, int> ids = new(list.Count);
        for (int i = 0; i < list.Count; i++)
        {
            ids[list[i]] = i;
        }
        return new Vocabulary(ids, [.. list]);
    }

    /// <summary>Reads an object of tokens and ids.</summary>
    public static Vocabulary Read(JsonPart part)
    {
        const int MostIds = 1 << 24;
        Dictionary<string, int> ids = [];
        int most = -1;
        foreach (JsonProperty entry in part.AsObject().Element.EnumerateObject())
        {
            int id = entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetInt32(out int value) ? value : -1;
            if (id is < 0 or >= MostIds)
            {
                throw part.Bad($"gives '{BadFileException.Short(entry.Name)}' the id {BadFileException.Short(entry.Value.GetRawText())}; expected a whole number from 0 to {MostIds - 1}.");
            }
            ids.Add(entry.Name, id);
            most = Math.Max(most, id);
        }
        // Ids with gaps occur; a few tokens that ask for a table of millions do not.
        if (most > 100_000 + 4L * ids.Count)
        {
            throw part.Bad($"has {ids.Count} tokens and an id {most}; expected ids without such gaps.");
        }
        string?[] tokens = new string?[most + 1];
        foreach ((string token, int id) in ids)
        {
            if (tokens[id] is { } other)
            {
                throw part.Bad($"gives the id {id} to '{BadFileException.Short(other)}' and to '{BadFileException.Short(token)}'.");
            }
            tokens[id] = token;
        }
        return new Vocabulary(ids, tokens);
    }
}
