using System.Text;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.Decoders;

/// <summary>Reads stand-ins back as bytes and the bytes as UTF-8; a token with any other character stands for its own UTF-8.</summary>
internal sealed class ByteLevelDecoder : Decoder
{
    public override DecoderStage Start(DecoderStage next) => new Stage(next);

    private sealed class Stage(DecoderStage next) : TokenStage(next)
    {
        // The framework's decoder keeps an unfinished character and replaces as the WHATWG's does.
        private readonly System.Text.Decoder utf8 = Encoding.UTF8.GetDecoder();
        private byte[] bytes = new byte[64];
        private char[] characters = new char[64];

        protected override void Take(string token)
        {
            int count = ToBytes(token);
            int most = utf8.GetCharCount(bytes, 0, count, flush: false);
            if (most > characters.Length)
            {
                characters = new char[most * 2];
            }
            int length = utf8.GetChars(bytes, 0, count, characters, 0, flush: false);
            if (length > 0)
            {
                Next.Push(new string(characters, 0, length), ends: false);
            }
        }

        protected override void Flush()
        {
            int length = utf8.GetChars([], characters, flush: true);
            Next.Push(new string(characters, 0, length), ends: true);
        }

        private int ToBytes(string token)
        {
            if (bytes.Length < token.Length * 3)
            {
                bytes = new byte[token.Length * 3];
            }
            for (int i = 0; i < token.Length; i++)
            {
                int value = ByteAlphabet.ToByte(token[i]);
                if (value < 0)
                {
                    return Encoding.UTF8.GetBytes(token, bytes);
                }
                bytes[i] = (byte)value;
            }
            return token.Length;
        }
    }
}
