using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Lorikeet.Models.Text.Decoders;

/// <summary>
/// Reads tokens like <c>&lt;0x61&gt;</c> as bytes. A run of them that is not valid UTF-8 as a whole is one U+FFFD for every byte, good characters included: nothing
/// of a valid run is certain before it ends.
/// </summary>
internal sealed class ByteFallbackDecoder : Decoder
{
    public override DecoderStage Start(DecoderStage next) => new Stage(next);

    private sealed class Stage(DecoderStage next) : TokenStage(next)
    {
        private readonly List<byte> run = [];

        protected override void Take(string token)
        {
            if (ByteOf(token) is { } value)
            {
                run.Add(value);
                return;
            }
            Flush();
            Next.Push(token, ends: true);
        }

        protected override void Flush()
        {
            if (run.Count == 0)
            {
                return;
            }
            byte[] bytes = [.. run];
            run.Clear();
            if (Utf8.IsValid(bytes))
            {
                Next.Push(Encoding.UTF8.GetString(bytes), ends: true);
                return;
            }
            for (int i = 0; i < bytes.Length; i++)
            {
                Next.Push("\uFFFD", ends: true);
            }
        }

        private static byte? ByteOf(string token)
        {
            if (token.Length != 6 || !token.StartsWith("<0x", StringComparison.Ordinal) || token[5] != '>')
            {
                return null;
            }
            // As the reference reads numbers: a plus is a digit's sign.
            ReadOnlySpan<char> digits = token.AsSpan(token[3] == '+' ? 4 : 3, token[3] == '+' ? 1 : 2);
            return byte.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value) ? value : null;
        }
    }
}
