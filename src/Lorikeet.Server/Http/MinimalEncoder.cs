using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;

namespace Lorikeet.Server;

/// <summary>Escapes what JSON demands and nothing else: gateways replace a model's name in answers by text search.</summary>
internal sealed unsafe class MinimalEncoder : JavaScriptEncoder
{
    public static MinimalEncoder Instance { get; } = new();

    public override int MaxOutputCharactersPerInputCharacter => 6;

    public override bool WillEncode(int unicodeScalar) => unicodeScalar is < 0x20 or '"' or '\\' or 0x7F;

    public override int FindFirstCharacterToEncode(char* text, int textLength)
    {
        ReadOnlySpan<char> span = new(text, textLength);
        for (int i = 0; i < span.Length; i++)
        {
            char c = span[i];
            if (c is < (char)0x20 or '"' or '\\' or (char)0x7F)
            {
                return i;
            }
            if (char.IsSurrogate(c))
            {
                if (!char.IsHighSurrogate(c) || i + 1 == span.Length || !char.IsLowSurrogate(span[i + 1]))
                {
                    return i;
                }
                i++;
            }
        }
        return -1;
    }

    public override bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
    {
        Span<char> to = new(buffer, bufferLength);
        char simple = unicodeScalar switch
        {
            '"' => '"',
            '\\' => '\\',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\b' => 'b',
            '\f' => 'f',
            _ => '\0',
        };
        numberOfCharactersWritten = 0;
        if (simple != '\0')
        {
            if (to.Length < 2)
            {
                return false;
            }
            to[0] = '\\';
            to[1] = simple;
            numberOfCharactersWritten = 2;
            return true;
        }
        if (WillEncode(unicodeScalar))
        {
            return to.TryWrite(CultureInfo.InvariantCulture, $"\\u{unicodeScalar:X4}", out numberOfCharactersWritten);
        }
        return new Rune(unicodeScalar).TryEncodeToUtf16(to, out numberOfCharactersWritten);
    }
}
