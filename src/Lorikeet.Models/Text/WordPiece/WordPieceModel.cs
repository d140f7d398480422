using System.Text;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text.WordPiece;

/// <summary>WordPiece: from the left the longest token that fits; a word that cannot be made whole is one unknown token.</summary>
/// <remarks>Schuster, Nakajima: Japanese and Korean Voice Search, 2012; as BERT's code has it.</remarks>
internal sealed class WordPieceModel : TokenModel
{
    private readonly Vocabulary vocabulary;
    private readonly int? unknown;
    private readonly string unknownToken;
    private readonly string prefix;
    private readonly int mostCharacters;
    private readonly int longestToken;

    private WordPieceModel(JsonPart part)
    {
        vocabulary = Vocabulary.Read(part.Get("vocab"));
        unknownToken = part.Text("unk_token") ?? "[UNK]";
        unknown = vocabulary.IdOf(unknownToken);
        prefix = part.Text("continuing_subword_prefix") ?? "##";
        mostCharacters = part.Integer("max_input_chars_per_word", 100, 0, int.MaxValue);
        longestToken = vocabulary.All.Select(t => t.Key.Length).DefaultIfEmpty().Max();
    }

    public override int Size => vocabulary.Size;

    public override int Count => vocabulary.Count;

    public static WordPieceModel Read(JsonPart part) => new(part);

    public override int? IdOf(string token) => vocabulary.IdOf(token);

    public override string? TokenOf(int id) => vocabulary.TokenOf(id);

    public override void Tokenize(ReadOnlySpan<char> word, WordTokens output)
    {
        int first = output.Count;
        if (word.Length > mostCharacters && CountCharacters(word) > mostCharacters)
        {
            output.Add(Unknown(), 0, word.Length);
            return;
        }
        // The prefix stands before what is left of the word.
        char[]? rented = null;
        int room = prefix.Length + Math.Min(word.Length, longestToken);
        Span<char> buffer = room <= 256 ? stackalloc char[256] : (rented = System.Buffers.ArrayPool<char>.Shared.Rent(room));
        prefix.CopyTo(buffer);
        for (int start = 0; start < word.Length;)
        {
            int id = 0;
            int end = Math.Min(word.Length, start + longestToken);
            ReadOnlySpan<char> rest = word[start..end];
            if (start > 0)
            {
                rest.CopyTo(buffer[prefix.Length..]);
            }
            while (end > start)
            {
                ReadOnlySpan<char> candidate = start > 0 ? buffer[..(prefix.Length + end - start)] : word[start..end];
                if (!(end < word.Length && char.IsLowSurrogate(word[end])) && vocabulary.TryGet(candidate, out id))
                {
                    break;
                }
                end--;
            }
            if (end == start)
            {
                output.Cut(first);
                output.Add(Unknown(), 0, word.Length);
                break;
            }
            output.Add(id, start, end);
            start = end;
        }
        if (rented is not null)
        {
            System.Buffers.ArrayPool<char>.Shared.Return(rented);
        }
    }

    private int Unknown() => unknown
        ?? throw new BadFileException($"the tokenizer's vocabulary lacks its unknown token '{BadFileException.Short(unknownToken)}', which this text needs.");

    private static int CountCharacters(ReadOnlySpan<char> word)
    {
        int count = 0;
        foreach (Rune _ in word.EnumerateRunes())
        {
            count++;
        }
        return count;
    }
}
