using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text;

/// <summary>Each word is one token, or the unknown one.</summary>
internal sealed class WordLevelModel : TokenModel
{
    private readonly Vocabulary vocabulary;
    private readonly string unknownToken;
    private readonly int? unknown;

    private WordLevelModel(JsonPart part)
    {
        vocabulary = Vocabulary.Read(part.Get("vocab"));
        unknownToken = part.Text("unk_token") ?? "<unk>";
        unknown = vocabulary.IdOf(unknownToken);
    }

    public override int Size => vocabulary.Size;

    public override int Count => vocabulary.Count;

    public static WordLevelModel Read(JsonPart part) => new(part);

    public override int? IdOf(string token) => vocabulary.IdOf(token);

    public override string? TokenOf(int id) => vocabulary.TokenOf(id);

    public override void Tokenize(ReadOnlySpan<char> word, WordTokens output)
    {
        int id = vocabulary.TryGet(word, out int known) ? known
            : unknown ?? throw new BadFileException($"the tokenizer's vocabulary lacks its unknown token '{BadFileException.Short(unknownToken)}', which this text needs.");
        output.Add(id, 0, word.Length);
    }
}
