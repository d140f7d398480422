namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>Cuts into words of a number of characters; the last may be shorter.</summary>
internal sealed class FixedLengthPreTokenizer(int characters) : PreTokenizer
{
    public override void Apply(TextPiece piece)
    {
        piece.NewWords.Clear();
        foreach ((int start, int end) in piece.Words)
        {
            int first = start, count = 0;
            for (int at = start; at < end;)
            {
                at += char.IsHighSurrogate(piece.Text[at]) && at + 1 < end ? 2 : 1;
                if (++count == characters || at == end)
                {
                    piece.NewWords.Add((first, at));
                    (first, count) = (at, 0);
                }
            }
        }
        piece.TakeWords();
    }
}
