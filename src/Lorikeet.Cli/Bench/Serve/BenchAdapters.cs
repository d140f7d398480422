using System.Globalization;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Bench;

/// <summary>Adapters of random numbers that a server can be loaded with: LoRA on the attention's four projections, as S-LoRA's are.</summary>
internal static class BenchAdapters
{
    private const float Deviation = 0.02f;

    /// <summary>The name of one.</summary>
    public static string Name(int number) => "bench-" + number.ToString("D4", CultureInfo.InvariantCulture);

    /// <summary>Writes the folders that are not there yet; adapter i has rank i modulo the number of ranks.</summary>
    /// <param name="model">The base model.</param>
    /// <param name="folder">Where to: a sub-folder for each.</param>
    /// <param name="count">How many.</param>
    /// <param name="ranks">Ranks.</param>
    /// <param name="stop">Stops between two.</param>
    /// <returns>How many were written.</returns>
    public static int Write(LanguageModel model, string folder, int count, IReadOnlyList<int> ranks, CancellationToken stop)
    {
        int written = 0;
        for (int i = 0; i < count; i++)
        {
            stop.ThrowIfCancellationRequested();
            string place = Path.Combine(folder, Name(i));
            if (Directory.Exists(place))
            {
                continue;
            }
            int rank = ranks[i % ranks.Count];
            JsonObject config = new() { ["r"] = rank, ["lora_alpha"] = 2 * rank, ["target_modules"] = new JsonArray("q_proj", "k_proj", "v_proj", "o_proj") };
            CounterRandom random = new CounterRandom(1).Named(Name(i));
            using TrainedAdapter adapter = AdapterMethods.Find("lora").Create(Name(i), model, config, random);
            foreach ((string key, Parameter parameter) in adapter.NamedParameters)
            {
                random.Named(key).FillNormal(parameter.Value.Span, Deviation);
            }
            AdapterFolder.Save(adapter, place);
            written++;
        }
        return written;
    }
}
