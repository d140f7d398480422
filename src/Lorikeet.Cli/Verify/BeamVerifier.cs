using System.Text.Json;
using Lorikeet.Models;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Verify;

/// <summary>Checks beam search: a model beside the folder, a prompt and settings in; all answers and their scores out.</summary>
internal static class BeamVerifier
{
    public static void Verify(string name, JsonElement one, string folder, CaseReport report)
    {
        BeamOptions options = Settings(one.GetProperty("settings"));
        using LanguageModel model = ModelLoader.Load(Path.Combine(folder, one.GetProperty("model").GetString()!));
        using PagePool pool = new(1L << 30);
        IReadOnlyList<BeamAnswer> answers = new BeamSearch(model, pool).Run(SamplingVerifier.Ids(one.GetProperty("prompt")), options);
        int[][] expected = [.. one.GetProperty("sequences").EnumerateArray().Select(SamplingVerifier.Ids)];
        string got = string.Join(" | ", answers.Select(a => string.Join(' ', a.Tokens)));
        string wanted = string.Join(" | ", expected.Select(a => string.Join(' ', a)));
        report.Equal($"{name} sequences", got == wanted, $"{got} computed, {wanted} expected");
        report.Each(
            $"{name} scores",
            [.. answers.Select(a => a.Score)],
            [.. one.GetProperty("scores").EnumerateArray().Select(s => s.GetDouble())],
            0,
            1e-4);
    }

    private static BeamOptions Settings(JsonElement settings)
    {
        BeamOptions options = new();
        foreach (JsonProperty setting in settings.EnumerateObject())
        {
            JsonElement value = setting.Value;
            options = setting.Name switch
            {
                "num_beams" => options with { Beams = value.GetInt32() },
                "length_penalty" => options with { LengthPenalty = value.GetDouble() },
                "max_new_tokens" => options with { MaxTokens = value.GetInt32() },
                "eos_token_id" => options with { EndIds = SamplingVerifier.Ids(value) },
                "no_repeat_ngram_size" => options with { Sampling = options.Sampling with { NoRepeatNgramSize = value.GetInt32() } },
                "repetition_penalty" => options with { Sampling = options.Sampling with { RepetitionPenalty = value.GetDouble() } },
                "early_stopping" => options with
                {
                    Stop = value.ValueKind switch
                    {
                        JsonValueKind.True => BeamStop.AtOnce,
                        JsonValueKind.False => BeamStop.NoneBetter,
                        _ when value.GetString() == "never" => BeamStop.NoneCanBeBetter,
                        _ => throw new NotSupportedException($"early_stopping {value.GetRawText()} is not built yet"),
                    },
                },
                _ => throw new NotSupportedException($"the beam search setting {setting.Name} is not built yet"),
            };
        }
        return options;
    }
}
