using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Models.Gguf;

/// <summary>The vocabulary in a file's metadata.</summary>
/// <param name="Model"><c>tokenizer.ggml.model</c>: <c>llama</c>, <c>gpt2</c>.</param>
/// <param name="Pre"><c>tokenizer.ggml.pre</c>: how texts are cut into words; empty where nothing is said.</param>
/// <param name="Parts">Tokens, scores, merges, and the ids with a role.</param>
internal sealed record GgufVocabulary(string Model, string Pre, VocabularyParts Parts)
{
    /// <summary>What stands for the kind of a vocabulary that is not there.</summary>
    public const string None = "no_vocab";

    private const int MostTokens = 1 << 24;

    /// <summary>Reads it.</summary>
    /// <param name="fields">The metadata.</param>
    /// <exception cref="BadFileException">There is none, or it contradicts itself.</exception>
    /// <exception cref="NotSupportedException">The way of cutting texts is not built; the message names it.</exception>
    public static GgufVocabulary Read(GgufFields fields)
    {
        string model = fields.Text("tokenizer.ggml.model") ?? throw fields.Bad("has no tokenizer.ggml.model; expected a model with its vocabulary.");
        if (model is None or "none")
        {
            throw fields.Bad("has no vocabulary; expected a model with its tokenizer.");
        }
        string pre = fields.Text("tokenizer.ggml.pre") ?? "";
        string[] tokens = fields.Items<string>("tokenizer.ggml.tokens") ?? throw fields.Bad("has no tokenizer.ggml.tokens.");
        float[]? scores = fields.Items<float>("tokenizer.ggml.scores");
        int[]? types = fields.Items<int>("tokenizer.ggml.token_type");
        if (tokens.Length is 0 or > MostTokens || (scores?.Length ?? tokens.Length) != tokens.Length || (types?.Length ?? tokens.Length) != tokens.Length)
        {
            throw fields.Bad($"has {tokens.Length} tokens, {scores?.Length ?? 0} scores and {types?.Length ?? 0} token types; expected one of each for 1 to {MostTokens} tokens.");
        }
        bool pieces = model == "llama";
        int unknown = Array.IndexOf(types ?? [], (int)TokenKind.Unknown);
        VocabularyParts parts = new()
        {
            Source = fields.Path,
            Tokens = tokens,
            Scores = scores ?? [],
            Kinds = types is null ? [] : Array.ConvertAll(types, t => (TokenKind)t),
            Merges = fields.Items<string>("tokenizer.ggml.merges") ?? [],
            BosId = Role("bos"),
            EosId = Role("eos"),
            PadId = Role("padding"),
            UnknownId = Role("unknown") ?? (unknown >= 0 && pieces ? unknown : null),
            AddBos = fields.Flag("tokenizer.ggml.add_bos_token") ?? (pieces || GgufPattern.Find(pre) is { AddBegin: true }),
            AddEos = fields.Flag("tokenizer.ggml.add_eos_token") ?? false,
            AddSpacePrefix = fields.Flag("tokenizer.ggml.add_space_prefix") ?? true,
            ChatTemplate = fields.Text("tokenizer.chat_template"),
        };
        return new GgufVocabulary(model, pre, parts);

        int? Role(string role)
        {
            string key = $"tokenizer.ggml.{role}_token_id";
            // Some tools write what is not there as the largest number.
            if (fields.Integer(key, int.MinValue, int.MaxValue, uint.MaxValue) is not { } id)
            {
                return null;
            }
            return id >= 0 && id < tokens.Length ? id : throw fields.Bad($"has {key} {id}; its vocabulary has {tokens.Length} tokens.");
        }
    }
}
