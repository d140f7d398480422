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
        piece.NewWords.Clear();
        foreach ((int start, int end) in CollectionsMarshal.AsSpan(piece.Words))
        {
            piece.Matches.Clear();
            pattern.Find(piece.Text[start..end], piece.Matches);
            Span<(int Start, int End)> matches = CollectionsMarshal.AsSpan(piece.Matches);
            if (behavior == SplitBehavior.Isolated)
            {
                Isolate(start, end, matches, piece.NewWords);
            }
            else
            {
                new Arrangement(behavior, piece.NewWords).Cover(start, end, matches, invert);
            }
        }
        piece.TakeWords();
    }

    private static void Isolate(int start, int end, Span<(int Start, int End)> matches, List<(int Start, int End)> words)
    {
        int at = start;
        foreach ((int first, int last) in matches)
        {
            if (start + first > at)
            {
                words.Add((at, start + first));
            }
            if (last > first)
            {
                words.Add((start + first, start + last));
            }
            at = start + last;
        }
        if (at < end)
        {
            words.Add((at, end));
        }
    }

    // Takes matches and what lies between them, one after the other. A match may be empty: it makes no word, yet it parts its neighbours.
    private ref struct Arrangement(SplitBehavior behavior, List<(int Start, int End)> words)
    {
        private (int Start, int End)? open;
        private bool before;
        private bool any;

        public void Cover(int start, int end, Span<(int Start, int End)> matches, bool invert)
        {
            int at = start;
            foreach ((int first, int last) in matches)
            {
                if (start + first > at)
                {
                    Take(at, start + first, invert);
                }
                Take(start + first, start + last, !invert);
                at = start + last;
            }
            if (at < end)
            {
                Take(at, end, invert);
            }
            Flush();
        }

        private void Take(int start, int end, bool match)
        {
            bool joins = any && behavior switch
            {
                SplitBehavior.MergedWithPrevious => match && !before,
                SplitBehavior.MergedWithNext => !match && before,
                SplitBehavior.Contiguous => match == before,
                _ => false,
            };
            before = match;
            any = true;
            if (joins)
            {
                open = (open!.Value.Start, end);
                return;
            }
            Flush();
            open = match && behavior == SplitBehavior.Removed ? null : (start, end);
        }

        private void Flush()
        {
            if (open is { } word && word.End > word.Start)
            {
                words.Add(word);
            }
            open = null;
        }
    }
}
