using System.Globalization;
using System.Text;
using Lorikeet.Models.Text;

namespace Lorikeet.Server;

/// <summary>The bytes that each token stands for inside a text.</summary>
internal static class TokenBytes
{
    /// <summary>The bytes of all tokens; null for special ones and for ids without a token.</summary>
    public static byte[]?[] Of(Tokenizer tokenizer)
    {
        Dictionary<char, byte>? alphabet = IsByteLevel(tokenizer) ? Alphabet() : null;
        byte[]?[] bytes = new byte[]?[tokenizer.VocabularySize];
        for (int id = 0; id < bytes.Length; id++)
        {
            bytes[id] = tokenizer.IsSpecial(id) || Text(tokenizer, id) is not { } text ? null : Bytes(tokenizer, id, text, alphabet);
        }
        return bytes;
    }

    /// <summary>A token as the vocabulary writes it, or null.</summary>
    public static string? Text(Tokenizer tokenizer, int id)
    {
        try
        {
            return tokenizer.TokenText(id);
        }
        catch (ArgumentOutOfRangeException)
        {
            // Vocabularies may have gaps.
            return null;
        }
    }

    private static byte[] Bytes(Tokenizer tokenizer, int id, string text, Dictionary<char, byte>? alphabet)
    {
        if (alphabet is not null && text.All(alphabet.ContainsKey))
        {
            return [.. text.Select(c => alphabet[c])];
        }
        string once = tokenizer.Decode([id], skipSpecialTokens: false);
        if (text.Length == 6 && text.StartsWith("<0x", StringComparison.Ordinal) && text[5] == '>' && once != text
            && byte.TryParse(text.AsSpan(3, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out byte value))
        {
            return [value];
        }
        // What it adds to a text, which is not what it is at a text's beginning: a leading space may be lost there.
        string twice = tokenizer.Decode([id, id], skipSpecialTokens: false);
        return Encoding.UTF8.GetBytes(twice.StartsWith(once, StringComparison.Ordinal) ? twice[once.Length..] : once);
    }

    private static bool IsByteLevel(Tokenizer tokenizer) => tokenizer.TokenId("Ġ") is { } space && tokenizer.Decode([space]) == " ";

    // GPT-2's: printable Latin-1 stands for itself, the others for U+0100 and up.
    private static Dictionary<char, byte> Alphabet()
    {
        Dictionary<char, byte> alphabet = [];
        char next = '\u0100';
        for (int value = 0; value < 256; value++)
        {
            bool printable = value is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            alphabet[printable ? (char)value : next++] = (byte)value;
        }
        return alphabet;
    }
}
