namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>SentencePiece's: spaces become ▁, one is put before words as the scheme says, and each ▁ may start a word.</summary>
internal sealed class MetaspacePreTokenizer(Metaspace rules) : PreTokenizer
{
    private readonly LiteralPattern pattern = new(rules.Replacement);
    private readonly LiteralPattern space = new(" ");
    private readonly bool isOneUnit = rules.Replacement.Length == 1;

    public override void Apply(TextPiece piece)
    {
        if (isOneUnit)
        {
            piece.ReplaceInPlace(' ', rules.Replacement[0]);
        }
        else
        {
            ReplaceSpaces(piece);
        }
        if (rules.Scheme != PrependScheme.Never)
        {
            piece.PrefixWords(rules.Replacement, (p, start) =>
                !p.Text[start..].StartsWith(rules.Replacement) && (rules.Scheme == PrependScheme.Always || p.IsAtStart(start)));
        }
        if (rules.Split)
        {
            Splitting.Split(piece, pattern, SplitBehavior.MergedWithNext, invert: false);
        }
    }

    // A stand-in above U+FFFF has two units: the words' places change.
    private void ReplaceSpaces(TextPiece piece)
    {
        piece.Matches.Clear();
        space.Find(piece.Text, piece.Matches);
        if (piece.Matches.Count == 0)
        {
            return;
        }
        (int Start, int End)[] words = [.. piece.Words];
        int[] spaces = [.. piece.Matches.Select(m => m.Start)];
        piece.Replace(piece.Matches, rules.Replacement);
        piece.Words.Clear();
        foreach ((int start, int end) in words)
        {
            piece.Words.Add((Moved(start), Moved(end)));
        }

        int Moved(int index)
        {
            int before = Array.BinarySearch(spaces, index);
            return index + (before < 0 ? ~before : before);
        }
    }
}
