using System.Globalization;
using System.Text.Json;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Verify;

/// <summary>Checks sampling settings: logits in; scores, probabilities and the tokens kept out.</summary>
/// <param name="folder">The folder of the case; its values.safetensors holds the numbers.</param>
internal sealed class SamplingVerifier(string folder) : IDisposable
{
    private SafetensorsFile? values;

    public void Verify(string name, JsonElement one, CaseReport report)
    {
        (SamplingOptions options, int[] ends) = Settings(one.GetProperty("settings"));
        Sampler sampler = new(options, ends);
        string[] order = [.. one.GetProperty("order").EnumerateArray().Select(e => e.GetString()!)];
        report.Equal($"{name} order", sampler.Steps.SequenceEqual(order), $"{string.Join(", ", sampler.Steps)} computed, {string.Join(", ", order)} expected");

        float[] scores = Read(one.GetProperty("logits").GetString()!);
        sampler.Process(scores, Ids(one.GetProperty("previous")), one.GetProperty("prompt_length").GetInt32(), new SamplingScratch(scores.Length));
        float[] probabilities = new float[scores.Length];
        Softmax.Rows(scores, scores.Length, probabilities);

        int[] kept = [.. Enumerable.Range(0, scores.Length).Where(i => scores[i] > float.NegativeInfinity)];
        int expectedCount = one.GetProperty("kept").GetInt32();
        report.Equal($"{name} kept", kept.Length == expectedCount, $"{kept.Length} kept, {expectedCount} expected");
        float[] expectedScores = Read("scores." + name), expectedProbabilities = Read("probs." + name);
        // Where several tokens share the score of the cut, it is not fixed which of them stay.
        if (one.TryGetProperty("tie", out _))
        {
            foreach (float[] unordered in new[] { scores, probabilities, expectedScores, expectedProbabilities })
            {
                Array.Sort(unordered);
            }
        }
        else if (one.GetProperty("kept_ids") is { ValueKind: JsonValueKind.Array } ids)
        {
            report.Equal($"{name} kept_ids", kept.SequenceEqual(Ids(ids)), $"{string.Join(' ', kept)} kept, {string.Join(' ', Ids(ids))} expected");
        }
        report.Each($"{name} scores", ToDouble(scores), ToDouble(expectedScores), 1e-5, 1e-7);
        report.Each($"{name} probs", ToDouble(probabilities), ToDouble(expectedProbabilities), 0, 1e-5);
    }

    public void Dispose() => values?.Dispose();

    private float[] Read(string name)
    {
        values ??= SafetensorsFile.Open(Path.Combine(folder, "values.safetensors"));
        if (!values.TryGet(name, out StoredTensor? tensor))
        {
            throw new BadFileException($"{values.FilePath} has no tensor {name}.");
        }
        return TensorFiles.Floats(values, tensor);
    }

    private static (SamplingOptions Options, int[] Ends) Settings(JsonElement settings)
    {
        SamplingOptions options = new();
        int[] ends = [];
        foreach (JsonProperty setting in settings.EnumerateObject())
        {
            JsonElement value = setting.Value;
            options = setting.Name switch
            {
                "temperature" => options with { Temperature = value.GetDouble() },
                "top_k" => options with { TopK = value.GetInt32() },
                "top_p" => options with { TopP = value.GetDouble() },
                "min_p" => options with { MinP = value.GetDouble() },
                "typical_p" => options with { TypicalP = value.GetDouble() },
                "min_tokens_to_keep" => options with { MinTokensToKeep = value.GetInt32() },
                "repetition_penalty" => options with { RepetitionPenalty = value.GetDouble() },
                "presence_penalty" => options with { PresencePenalty = value.GetDouble() },
                "frequency_penalty" => options with { FrequencyPenalty = value.GetDouble() },
                "no_repeat_ngram_size" => options with { NoRepeatNgramSize = value.GetInt32() },
                "bad_words_ids" => options with { BadWords = [.. value.EnumerateArray().Select(Ids)] },
                "min_new_tokens" => options with { MinNewTokens = value.GetInt32() },
                "suppress_tokens" => options with { SuppressTokens = Ids(value) },
                "logit_bias" => options with
                {
                    LogitBias = value.EnumerateObject().ToDictionary(p => int.Parse(p.Name, CultureInfo.InvariantCulture), p => p.Value.GetDouble()),
                },
                "sequence_bias" => options with { SequenceBiases = [.. value.EnumerateArray().Select(p => new SequenceBias(Ids(p[0]), p[1].GetDouble()))] },
                "eos_token_id" => options,
                _ => throw new NotSupportedException($"the sampling setting {setting.Name} is not built yet"),
            };
            ends = setting.Name == "eos_token_id" ? Ids(value) : ends;
        }
        return (options, ends);
    }

    public static int[] Ids(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(e => e.GetInt32())] : [value.GetInt32()];

    private static double[] ToDouble(float[] from) => Array.ConvertAll(from, f => (double)f);
}
