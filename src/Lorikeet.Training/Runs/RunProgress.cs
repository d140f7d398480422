using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>The best held-out losses of a run and how long ago they were: what is kept as best, and when training ends early.</summary>
/// <param name="trainees">How many trainees.</param>
internal sealed class RunProgress(int trainees)
{
    private readonly int[] since = new int[trainees];
    private readonly BestResult[] best = [.. Enumerable.Repeat(new BestResult(double.NaN, 0, false), trainees)];

    /// <summary>The best of each trainee.</summary>
    public IReadOnlyList<BestResult> Best => best;

    /// <summary>Takes a measurement in.</summary>
    /// <param name="trainee">Whose.</param>
    /// <param name="step">Steps that are done; what was measured before the first is no result.</param>
    /// <param name="loss">The held-out loss, or NaN.</param>
    /// <param name="averaged">That of the moving average, or NaN.</param>
    /// <returns>Whether it is the best so far.</returns>
    public bool Note(int trainee, int step, double loss, double averaged)
    {
        bool average = averaged < loss || (double.IsNaN(loss) && !double.IsNaN(averaged));
        double least = average ? averaged : loss;
        if (step == 0 || double.IsNaN(least))
        {
            return false;
        }
        if (least < best[trainee].Loss || double.IsNaN(best[trainee].Loss))
        {
            best[trainee] = new BestResult(least, step, average);
            since[trainee] = 0;
            return true;
        }
        since[trainee]++;
        return false;
    }

    /// <summary>Whether no trainee has had a new best in its last measurements.</summary>
    /// <param name="patience">How many measurements; 0: never.</param>
    public bool IsOver(int patience) => patience > 0 && !since.Where((count, i) => !double.IsNaN(best[i].Loss) && count < patience).Any() && best.Any(b => !double.IsNaN(b.Loss));

    /// <summary>Writes it beside a checkpoint.</summary>
    public void Save(string path)
    {
        JsonArray all = [];
        for (int i = 0; i < best.Length; i++)
        {
            all.Add((JsonNode)new JsonObject
            {
                ["loss"] = double.IsNaN(best[i].Loss) ? null : best[i].Loss,
                ["step"] = best[i].Step,
                ["averaged"] = best[i].Averaged,
                ["since"] = since[i],
            });
        }
        AtomicFile.WriteText(path, new JsonObject { ["best"] = all }.ToJsonString());
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="BadFileException">The file is broken, or of another run.</exception>
    public void Load(string path)
    {
        using JsonDocument json = SafeJson.ReadObject(path);
        try
        {
            JsonElement all = json.RootElement.GetProperty("best");
            if (all.GetArrayLength() != best.Length)
            {
                throw new FormatException($"{all.GetArrayLength()} results; this run has {best.Length}");
            }
            for (int i = 0; i < best.Length; i++)
            {
                JsonElement loss = all[i].GetProperty("loss");
                best[i] = new BestResult(
                    loss.ValueKind == JsonValueKind.Null ? double.NaN : loss.GetDouble(), all[i].GetProperty("step").GetInt32(), all[i].GetProperty("averaged").GetBoolean());
                since[i] = all[i].GetProperty("since").GetInt32();
            }
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new BadFileException($"{path} is not the progress of this run: {e.Message}", e);
        }
    }
}
