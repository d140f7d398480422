using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Models;

/// <summary>What a model's makers suggest for generating, from generation_config.json; null where they say nothing.</summary>
public sealed record GenerationSettings
{
    private const int MostId = int.MaxValue - 1;

    /// <summary>Ids that end a text; where the file has none, those of config.json.</summary>
    public IReadOnlyList<int> EndIds { get; init; } = [];

    /// <summary>Begin-of-text id; where the file has none, that of config.json.</summary>
    public int? BeginId { get; init; }

    /// <summary>Padding id.</summary>
    public int? PadId { get; init; }

    /// <summary>True: draw; false: take the likeliest token.</summary>
    public bool? Sample { get; init; }

    /// <summary>Logits are divided by it.</summary>
    public double? Temperature { get; init; }

    /// <summary>Only the likeliest tokens of this total probability are drawn.</summary>
    public double? TopP { get; init; }

    /// <summary>Only this many likeliest tokens are drawn; 0: all.</summary>
    public int? TopK { get; init; }

    /// <summary>Only tokens at least this share of the likeliest one's probability are drawn.</summary>
    public double? MinP { get; init; }

    /// <summary>Tokens that occurred become less likely by this factor.</summary>
    public double? RepetitionPenalty { get; init; }

    /// <summary>Reads generation_config.json of a folder; what config.json says where there is none.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="config">The model's configuration.</param>
    /// <exception cref="BadFileException">A value makes no sense.</exception>
    public static GenerationSettings Read(string folder, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        string path = Path.Combine(folder, "generation_config.json");
        if (!File.Exists(path))
        {
            return new GenerationSettings { EndIds = config.EndIds, BeginId = config.BeginId };
        }
        using JsonDocument json = SafeJson.ReadObject(path);
        JsonFields fields = new(json.RootElement, path);
        IReadOnlyList<int> ends = [.. fields.Integers("eos_token_id", -1, MostId).Where(id => id >= 0)];
        return new GenerationSettings
        {
            EndIds = ends.Count > 0 ? ends : config.EndIds,
            BeginId = Id(fields, "bos_token_id") ?? config.BeginId,
            PadId = Id(fields, "pad_token_id"),
            Sample = fields.Has("do_sample") ? fields.Flag("do_sample", false) : null,
            Temperature = Number(fields, "temperature", 1e6),
            TopP = Number(fields, "top_p", 1),
            TopK = fields.Has("top_k") ? fields.Integer("top_k", 0, MostId) : null,
            MinP = Number(fields, "min_p", 1),
            RepetitionPenalty = Number(fields, "repetition_penalty", 1e6),
        };
    }

    private static int? Id(JsonFields fields, string key) =>
        fields.Integers(key, -1, MostId) is [>= 0 and int id, ..] ? id : null;

    private static double? Number(JsonFields fields, string key, double most) =>
        fields.Has(key) ? fields.Number(key, 0, most, 0) : null;
}
