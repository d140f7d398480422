using System.Text;
using System.Text.Json;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text;

/// <summary>A tokenizer without training: each byte of the UTF-8 text is a token, 256 ends a text and fills up batches.</summary>
/// <remarks>
/// It is saved as a byte-level BPE without merges, which Hugging Face's <c>tokenizers</c> reads to the same ids; as there, the text
/// <c>&lt;|endoftext|&gt;</c> becomes the one token 256.
/// </remarks>
public sealed class ByteTokenizer : Tokenizer
{
    private const string EndOfText = "<|endoftext|>";
    private const int EndOfTextId = 256;

    private static readonly (string Name, ReadOnlyMemory<byte> Bytes)[] Files = MakeFiles();

    // Everything but the fast way to encode is the tokenizer that the saved file describes.
    private static readonly Lazy<BpeTokenizer> Saved = new(() =>
    {
        using JsonDocument json = JsonDocument.Parse(Files[0].Bytes);
        return new BpeTokenizer(TokenizerFile.InMemory(Files), new JsonPart(json.RootElement, "the byte tokenizer", "the tokenizer"));
    });

    /// <summary>Makes the tokenizer; all are equal.</summary>
    public ByteTokenizer()
    {
        EosId = EndOfTextId;
        PadId = EndOfTextId;
    }

    /// <inheritdoc/>
    public override int VocabularySize => 257;

    internal static ReadOnlySpan<byte> FileBytes => Files[0].Bytes.Span;

    /// <inheritdoc/>
    public override int[] Encode(string text, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        List<int> ids = new(bytes.Length);
        ReadOnlySpan<byte> rest = bytes;
        while (rest.Length > 0)
        {
            int end = rest.IndexOf("<|endoftext|>"u8);
            foreach (byte b in end < 0 ? rest : rest[..end])
            {
                ids.Add(b);
            }
            if (end < 0)
            {
                break;
            }
            ids.Add(EndOfTextId);
            rest = rest[(end + EndOfText.Length)..];
        }
        return [.. ids];
    }

    /// <inheritdoc/>
    public override EncodedText EncodeFull(string text, string? pair = null, bool addSpecialTokens = true) => Saved.Value.EncodeFull(text, pair, addSpecialTokens);

    /// <inheritdoc/>
    public override TextStream Stream(bool skipSpecialTokens = true) => Saved.Value.Stream(skipSpecialTokens);

    /// <inheritdoc/>
    public override int? TokenId(string token) => Saved.Value.TokenId(token);

    /// <inheritdoc/>
    public override string TokenText(int id) => Saved.Value.TokenText(id);

    /// <inheritdoc/>
    public override bool IsSpecial(int id) => id == EndOfTextId;

    private protected override IReadOnlyList<(string Name, ReadOnlyMemory<byte> Bytes)> SavedFiles() => Files;

    private static (string Name, ReadOnlyMemory<byte> Bytes)[] MakeFiles()
    {
        string[] vocabulary = [.. Enumerable.Range(0, 256).Select(b => ByteAlphabet.ToChar((byte)b).ToString()), EndOfText];
        return Bpe.BpeFiles.Make(vocabulary, merges: [], [EndOfText], pattern: null, bos: null, eos: EndOfText, pad: EndOfText);
    }
}
