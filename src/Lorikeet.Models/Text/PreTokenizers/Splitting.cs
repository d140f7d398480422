using System.Runtime.InteropServices;

namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>What becomes of the matches of a splitting pattern.</summary>
internal enum SplitBehavior
{
    /// <summary>Dropped.</summary>
    Removed,

    /// <summary>Each is a word.</summary>
    Isolated,

    /// <summary>Each ends the word before it.</summary>
    MergedWithPrevious,

    /// <summary>Each starts the word after it.</summary>
    MergedWithNext,

    /// <summary>Neighbouring ones are one word.</summary>
    Contiguous,
}

/// <summary>Cuts the words of a piece at the matches of a pattern.</summary>
internal static class Splitting
{
    public static void Split(TextPiece piece, WordPattern pattern, SplitBehavior behavior, bool invert)
    {
        List<(int Start, int End)> words = new(piece.Words.Count);
        List<(int Start, int End)> matches = [];
        List<(int Start, int End, bool Match)> parts = [];
        foreach ((int start, int end) in piece.Words)
        {
            matches.Clear();
            pattern.Find(piece.Text[start..end], matches);
            if (behavior == SplitBehavior.Isolated)
            {
                Isolate(start, end, matches, words);
                continue;
            }
            Cover(start, end, matches, invert, parts);
            Arrange(parts, behavior, words);
        }
        piece.Words.Clear();
        piece.Words.AddRange(words);
    }

    private static void Isolate(int start, int end, List<(int Start, int End)> matches, List<(int Start, int End)> words)
    {
        int at = start;
        foreach ((int first, int last) in CollectionsMarshal.AsSpan(matches))
        {
            if (start + first > at)
            {
                words.Add((at, start + first));
            }
            words.Add((start + first, start + last));
            at = start + last;
        }
        if (at < end)
        {
            words.Add((at, end));
        }
    }

    // Matches and what lies between them, each marked.
    private static void Cover(int start, int end, List<(int Start, int End)> matches, bool invert, List<(int Start, int End, bool Match)> parts)
    {
        parts.Clear();
        int at = start;
        foreach ((int first, int last) in matches)
        {
            if (start + first > at)
            {
                parts.Add((at, start + first, invert));
            }
            parts.Add((start + first, start + last, !invert));
            at = start + last;
        }
        if (at < end)
        {
            parts.Add((at, end, invert));
        }
    }

    private static void Arrange(List<(int Start, int End, bool Match)> parts, SplitBehavior behavior, List<(int Start, int End)> words)
    {
        for (int i = 0; i < parts.Count; i++)
        {
            (int start, int end, bool match) = parts[i];
            bool? before = i > 0 ? parts[i - 1].Match : null;
            bool joins = behavior switch
            {
                SplitBehavior.MergedWithPrevious => match && before == false,
                SplitBehavior.MergedWithNext => !match && before == true,
                SplitBehavior.Contiguous => match == before,
                _ => false,
            };
            if (joins)
            {
                words[^1] = (words[^1].Start, end);
            }
            else if (!match || behavior != SplitBehavior.Removed)
            {
                words.Add((start, end));
            }
        }
    }
}
