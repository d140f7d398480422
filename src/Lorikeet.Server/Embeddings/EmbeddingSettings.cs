using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>How a model's folder says that vectors are pooled, and how short they may be.</summary>
internal sealed record EmbeddingSettings
{
    public Ask Pooling { get; init; } = Ask.EmbedLast;

    /// <summary>Whether the model was trained so that beginnings of its vectors are vectors.</summary>
    public bool Matryoshka { get; init; }

    /// <summary>The lengths it was trained for; empty: any.</summary>
    public IReadOnlyList<int> Dimensions { get; init; } = [];

    /// <summary>Reads <c>1_Pooling/config.json</c> and <c>config.json</c> of a folder.</summary>
    /// <param name="place">The model's folder or file.</param>
    /// <param name="pooling">What the operator says, which wins; null: nothing.</param>
    public static EmbeddingSettings Read(string place, string? pooling)
    {
        EmbeddingSettings settings = new();
        string config = Path.Combine(place, "config.json"), pool = Path.Combine(place, "1_Pooling", "config.json");
        if (File.Exists(config))
        {
            using JsonDocument json = SafeJson.ReadObject(config);
            Fields fields = new(json.RootElement);
            settings = settings with
            {
                Matryoshka = fields.Flag("is_matryoshka") ?? fields.Has("matryoshka_dimensions"),
                Dimensions = fields.Integers("matryoshka_dimensions", 1, int.MaxValue),
            };
        }
        if (pooling is null && File.Exists(pool))
        {
            using JsonDocument json = SafeJson.ReadObject(pool);
            Fields fields = new(json.RootElement);
            pooling = fields.Flag("pooling_mode_mean_tokens") == true ? "mean" : fields.Flag("pooling_mode_cls_token") == true ? "first" : "last";
        }
        return settings with { Pooling = Parse(pooling ?? "last") };
    }

    /// <summary>A pooling by its name.</summary>
    public static Ask Parse(string name) => name switch
    {
        "last" => Ask.EmbedLast,
        "mean" => Ask.EmbedMean,
        "first" => Ask.EmbedFirst,
        _ => throw new ArgumentException($"the pooling is '{name}'; expected last, mean or first"),
    };
}
