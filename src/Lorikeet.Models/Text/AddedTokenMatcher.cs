using System.Buffers;
using System.Text;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text;

/// <summary>Cuts a text at added tokens: the leftmost match, of those the longest.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly Dictionary<(int Node, char Next), int> edges = [];
    private readonly List<AddedToken?> tokenAt = [null];
    private readonly SearchValues<char> firstCharacters;

    /// <summary>Makes the matcher of some tokens, each with the text to look for.</summary>
    public AddedTokenMatcher(IEnumerable<(string Text, AddedToken Token)> tokens)
    {
        HashSet<char> first = [];
        foreach ((string text, AddedToken token) in tokens.Where(t => t.Text.Length > 0))
        {
            first.Add(text[0]);
            int node = 0;
            foreach (char c in text)
            {
                if (!edges.TryGetValue((node, c), out int next))
                {
                    next = tokenAt.Count;
                    edges.Add((node, c), next);
                    tokenAt.Add(null);
                }
                node = next;
            }
            tokenAt[node] ??= token;
        }
        firstCharacters = SearchValues.Create([.. first]);
    }

    /// <summary>Cuts a text into tokens and what lies between them (token null), in order.</summary>
    public List<(AddedToken? Token, int Start, int End)> Split(ReadOnlySpan<char> text)
    {
        List<(AddedToken? Token, int Start, int End)> parts = [];
        int done = 0;
        for (int at = 0; at < text.Length;)
        {
            int skip = text[at..].IndexOfAny(firstCharacters);
            if (skip < 0)
            {
                break;
            }
            at += skip;
            if (Longest(text, at, out int end) is not { } token)
            {
                at++;
                continue;
            }
            int start = at;
            at = end;
            if (token.SingleWord && (EndsInWord(text[..start]) || StartsInWord(text[end..])))
            {
                continue;
            }
            if (token.LeftStrip)
            {
                start = Math.Max(text[..start].TrimEnd().Length, done);
            }
            if (token.RightStrip)
            {
                end = text.Length - text[end..].TrimStart().Length;
            }
            if (done < start)
            {
                parts.Add((null, done, start));
            }
            // Nothing is left of a match that the one before swallowed.
            if (start < end)
            {
                parts.Add((token, start, end));
            }
            done = end;
        }
        if (done < text.Length)
        {
            parts.Add((null, done, text.Length));
        }
        return parts;
    }

    private AddedToken? Longest(ReadOnlySpan<char> text, int start, out int end)
    {
        AddedToken? found = null;
        end = start;
        int node = 0;
        for (int i = start; i < text.Length && edges.TryGetValue((node, text[i]), out node); i++)
        {
            if (tokenAt[node] is { } token)
            {
                found = token;
                end = i + 1;
            }
        }
        return found;
    }

    private static bool EndsInWord(ReadOnlySpan<char> text) =>
        Rune.DecodeLastFromUtf16(text, out Rune rune, out _) == OperationStatus.Done && CharacterClass.IsWord(rune);

    private static bool StartsInWord(ReadOnlySpan<char> text) =>
        Rune.DecodeFromUtf16(text, out Rune rune, out _) == OperationStatus.Done && CharacterClass.IsWord(rune);
}
