using Lorikeet.Models.Files;

namespace Lorikeet.Models.Gguf;

/// <summary>The vocabulary in a file's metadata: tokens, kinds, scores or merges, and the ids with a role.</summary>
internal sealed class GgufVocabulary
{
    private const int MostTokens = 1 << 24;

    /// <summary>Reads it.</summary>
    /// <param name="fields">The metadata.</param>
    /// <exception cref="BadFileException">There is none, or it contradicts itself.</exception>
    public GgufVocabulary(GgufFields fields)
    {
        Model = fields.Text("tokenizer.ggml.model") ?? throw fields.Bad("has no tokenizer.ggml.model; expected a model with its vocabulary.");
        Pre = fields.Text("tokenizer.ggml.pre") ?? "";
        Tokens = fields.Items<string>("tokenizer.ggml.tokens") ?? throw fields.Bad("has no tokenizer.ggml.tokens.");
        Scores = fields.Items<float>("tokenizer.ggml.scores");
        Merges = fields.Items<string>("tokenizer.ggml.merges");
        int[]? types = fields.Items<int>("tokenizer.ggml.token_type");
        if (Tokens.Length is 0 or > MostTokens || (Scores?.Length ?? Tokens.Length) != Tokens.Length || (types?.Length ?? Tokens.Length) != Tokens.Length)
        {
            throw fields.Bad($"has {Tokens.Length} tokens, {Scores?.Length ?? 0} scores and {types?.Length ?? 0} token types; expected one of each for 1 to {MostTokens} tokens.");
        }
        Types = types is null ? [.. Enumerable.Repeat(GgufTokenType.Normal, Tokens.Length)] : Array.ConvertAll(types, t => (GgufTokenType)t);
        Dictionary<string, int> ids = new(Tokens.Length);
        for (int id = 0; id < Tokens.Length; id++)
        {
            if (!ids.TryAdd(Tokens[id], id))
            {
                throw fields.Bad($"gives '{BadFileException.Short(Tokens[id])}' the ids {ids[Tokens[id]]} and {id}; expected different tokens.");
            }
        }
        Ids = ids;
        Begin = Role(fields, "bos");
        End = Role(fields, "eos");
        Unknown = Role(fields, "unknown");
        Padding = Role(fields, "padding");
        AddBegin = fields.Flag("tokenizer.ggml.add_bos_token");
        AddEnd = fields.Flag("tokenizer.ggml.add_eos_token");
        AddSpacePrefix = fields.Flag("tokenizer.ggml.add_space_prefix");
        ChatTemplate = fields.Text("tokenizer.chat_template");
    }

    public string Model { get; }

    public string Pre { get; }

    public string[] Tokens { get; }

    public float[]? Scores { get; }

    public string[]? Merges { get; }

    public GgufTokenType[] Types { get; }

    public IReadOnlyDictionary<string, int> Ids { get; }

    public int? Begin { get; }

    public int? End { get; }

    public int? Unknown { get; }

    public int? Padding { get; }

    public bool? AddBegin { get; }

    public bool? AddEnd { get; }

    public bool? AddSpacePrefix { get; }

    public string? ChatTemplate { get; }

    private int? Role(GgufFields fields, string role)
    {
        string key = $"tokenizer.ggml.{role}_token_id";
        // Some tools write what is not there as the largest number.
        if (fields.Integer(key, int.MinValue, int.MaxValue, uint.MaxValue) is not { } id)
        {
            return null;
        }
        return id >= 0 && id < Tokens.Length ? id : throw fields.Bad($"has {key} {id}; its vocabulary has {Tokens.Length} tokens.");
    }
}
