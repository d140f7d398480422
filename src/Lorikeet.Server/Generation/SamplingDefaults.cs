using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Server;

/// <summary>What a generation_config.json suggests where a request says nothing.</summary>
internal sealed record SamplingDefaults
{
    private const long MostBytes = 1 << 20;

    public static SamplingDefaults None { get; } = new();

    public double? Temperature { get; init; }

    public double? TopP { get; init; }

    public int? TopK { get; init; }

    public double? MinP { get; init; }

    public double? RepetitionPenalty { get; init; }

    public int? MaxNewTokens { get; init; }

    /// <summary>Whether <see cref="MaxNewTokens"/> binds requests that ask for more.</summary>
    public bool Caps { get; init; }

    public IReadOnlyList<int> EndIds { get; init; } = [];

    /// <summary>Reads a folder's file; nothing where there is none.</summary>
    /// <exception cref="BadFileException">A value makes no sense.</exception>
    public static SamplingDefaults Read(string folder)
    {
        string path = Path.Combine(folder, "generation_config.json");
        if (!File.Exists(path))
        {
            return None;
        }
        using JsonDocument json = SafeJson.ReadObject(path, MostBytes);
        return Of(json.RootElement, path);
    }

    /// <summary>Reads values that an operator gave.</summary>
    public static SamplingDefaults Of(JsonObject json)
    {
        using JsonDocument document = JsonDocument.Parse(json.ToJsonString());
        return Of(document.RootElement, "the generation config given") with { Caps = true };
    }

    /// <summary>These values, and where one is missing the other's.</summary>
    public SamplingDefaults Over(SamplingDefaults other) => new()
    {
        Temperature = Temperature ?? other.Temperature,
        TopP = TopP ?? other.TopP,
        TopK = TopK ?? other.TopK,
        MinP = MinP ?? other.MinP,
        RepetitionPenalty = RepetitionPenalty ?? other.RepetitionPenalty,
        MaxNewTokens = MaxNewTokens ?? other.MaxNewTokens,
        Caps = MaxNewTokens is null ? other.Caps : Caps,
        EndIds = [.. EndIds.Union(other.EndIds)],
    };

    private static SamplingDefaults Of(JsonElement element, string path)
    {
        Fields fields = new(element);
        try
        {
            return new SamplingDefaults
            {
                Temperature = fields.Number("temperature", 0, 1e6),
                TopP = fields.Number("top_p", 0, 1),
                TopK = (int?)fields.Integer("top_k", -1, int.MaxValue),
                MinP = fields.Number("min_p", 0, 1),
                RepetitionPenalty = fields.Number("repetition_penalty", 1e-6, 1e6),
                MaxNewTokens = (int?)fields.Integer("max_new_tokens", 1, int.MaxValue),
                EndIds = !fields.TryGet("eos_token_id", out JsonElement end) ? []
                    : end.ValueKind == JsonValueKind.Array ? Fields.Integers(end, "eos_token_id", -1, int.MaxValue)
                    : [(int)fields.Integer("eos_token_id", -1, int.MaxValue)!.Value],
            };
        }
        catch (ApiException e)
        {
            throw new BadFileException($"{path}: {e.Message}", e);
        }
    }
}
