using System.Text;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text;

/// <summary>Turns text into token ids and back. Instances are immutable and may be used by many threads at once.</summary>
public abstract class Tokenizer
{
    private protected Tokenizer()
    {
    }

    /// <summary>One more than the largest id: the rows an embedding needs at least.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>The id that begins a text; null where tokenizer_config.json names none.</summary>
    public int? BosId { get; private protected init; }

    /// <summary>The id that ends a text; null where tokenizer_config.json names none.</summary>
    public int? EosId { get; private protected init; }

    /// <summary>The id that fills up a batch; null where tokenizer_config.json names none.</summary>
    public int? PadId { get; private protected init; }

    /// <summary>Reads a tokenizer.</summary>
    /// <param name="folderOrFile">A model folder, a GGUF file, or a tokenizer.json; tokenizer_config.json is read from beside it where there is one.</param>
    /// <exception cref="BadFileException">The file is absent or breaks a rule.</exception>
    /// <exception cref="NotSupportedException">The file, or a part of it, is of a kind that is not built; the message names it.</exception>
    public static Tokenizer Load(string folderOrFile) => TokenizerFile.Load(folderOrFile);

    /// <summary>Reads a tokenizer.json in memory.</summary>
    /// <param name="json">The file's bytes; they must not change afterwards.</param>
    /// <param name="source">What to call it in messages.</param>
    /// <exception cref="BadFileException">It breaks a rule.</exception>
    /// <exception cref="NotSupportedException">It, or a part of it, is of a kind that is not built; the message names it.</exception>
    public static Tokenizer Parse(ReadOnlyMemory<byte> json, string source) => TokenizerFile.Parse(source, [(TokenizerFile.Name, json)]);

    /// <summary>Encodes a text.</summary>
    /// <param name="text">The text; half a surrogate pair counts as U+FFFD.</param>
    /// <param name="addSpecialTokens">Whether the template's tokens are added; special tokens inside the text are found either way.</param>
    public abstract int[] Encode(string text, bool addSpecialTokens = true);

    /// <summary>Encodes a text, or a pair of texts, with tokens, offsets, types and masks.</summary>
    /// <param name="text">The text.</param>
    /// <param name="pair">The second text of a pair; null for none.</param>
    /// <param name="addSpecialTokens">Whether the template's tokens are added.</param>
    public abstract EncodedText EncodeFull(string text, string? pair = null, bool addSpecialTokens = true);

    /// <summary>Decodes ids.</summary>
    /// <param name="ids">The ids; one that the vocabulary does not know adds nothing.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public virtual string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        TextStream stream = Stream(skipSpecialTokens);
        StringBuilder text = new();
        foreach (int id in ids)
        {
            text.Append(stream.Push(id));
        }
        return text.Append(stream.Close()).ToString();
    }

    /// <summary>Starts to decode ids as they come.</summary>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public abstract TextStream Stream(bool skipSpecialTokens = true);

    /// <summary>The id of a token as the vocabulary writes it; null where it lacks it.</summary>
    /// <param name="token">The token.</param>
    public abstract int? TokenId(string token);

    /// <summary>The token of an id as the vocabulary writes it.</summary>
    /// <param name="id">The id.</param>
    /// <exception cref="ArgumentOutOfRangeException">The vocabulary has no such id.</exception>
    public abstract string TokenText(int id);

    /// <summary>Whether an id is a special token, which decoding may skip.</summary>
    /// <param name="id">The id.</param>
    public abstract bool IsSpecial(int id);

    /// <summary>Writes tokenizer.json and, where there is one, tokenizer_config.json and what else came with it.</summary>
    /// <param name="folder">An existing folder.</param>
    public void Save(string folder)
    {
        foreach ((string name, ReadOnlyMemory<byte> bytes) in SavedFiles())
        {
            AtomicFile.Write(Path.Combine(folder, name), stream => stream.Write(bytes.Span));
        }
    }

    /// <summary>SHA-256 of everything that <see cref="Save"/> writes, in hexadecimal: two tokenizers with the same one give the same ids.</summary>
    public string Fingerprint()
    {
        using System.Security.Cryptography.IncrementalHash hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        foreach ((string name, ReadOnlyMemory<byte> bytes) in SavedFiles())
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name}\n{bytes.Length}\n"));
            hash.AppendData(bytes.Span);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>What <see cref="Save"/> writes: templates stand in it.</summary>
    internal IReadOnlyList<(string Name, ReadOnlyMemory<byte> Bytes)> CompanionFiles => SavedFiles();

    private protected abstract IReadOnlyList<(string Name, ReadOnlyMemory<byte> Bytes)> SavedFiles();
}
