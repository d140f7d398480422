using System.Text;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.Normalizers;

/// <summary>BERT's: cleans, puts spaces around Chinese characters, drops accents, makes letters small; each as it is told.</summary>
/// <remarks>Devlin, Chang, Lee, Toutanova: BERT, 2018 (arXiv 1810.04805), the code published with it.</remarks>
internal sealed class BertNormalizer(bool clean, bool spaceChinese, bool stripAccents, bool lowercase) : Normalizer
{
    private static readonly LowercaseNormalizer Lower = new();
    private static readonly UnicodeNormalizer Decompose = new(compatible: false, compose: false);

    public static BertNormalizer ReadBert(JsonPart part)
    {
        bool lowercase = part.Flag("lowercase", true);
        return new BertNormalizer(part.Flag("clean_text", true), part.Flag("handle_chinese_chars", true), part.Flag("strip_accents", lowercase), lowercase);
    }

    public override void Apply(TextPiece piece)
    {
        if (clean)
        {
            Clean(piece);
        }
        if (spaceChinese)
        {
            SpaceChinese(piece);
        }
        if (stripAccents && !Composition.IsSimple(piece.Text))
        {
            Decompose.Apply(piece);
            piece.Filter(static c => !CharacterClass.IsNonSpacingMark(c));
        }
        if (lowercase)
        {
            Lower.Apply(piece);
        }
    }

    private static void Clean(TextPiece piece)
    {
        if (piece.Text.ContainsAnyExceptInRange(' ', '~'))
        {
            piece.Filter(static c => !CharacterClass.IsCleanedAway(c));
            ReadOnlySpan<char> spaces = "\t\n\r\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000";
            foreach (char space in spaces)
            {
                piece.ReplaceInPlace(space, ' ');
            }
        }
    }

    private static void SpaceChinese(TextPiece piece)
    {
        if (!piece.Text.ContainsAnyInRange('\u3400', '\uFFFF'))
        {
            return;
        }
        piece.Changes.Clear();
        foreach (Rune rune in piece.Text.EnumerateRunes())
        {
            if (CharacterClass.IsChinese(rune.Value))
            {
                piece.Changes.Add((' ', 0));
                piece.Changes.Add((rune.Value, 1));
                piece.Changes.Add((' ', 1));
            }
            else
            {
                piece.Changes.Add((rune.Value, 0));
            }
        }
        piece.Transform(piece.Changes);
    }
}
