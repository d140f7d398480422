using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Bench;

/// <summary>Adapters of random numbers that a server can be loaded with.</summary>
internal static class BenchAdapters
{
    private const float Deviation = 0.02f;

    /// <summary>The name of one.</summary>
    public static string Name(int number) => "bench-" + number.ToString("D4", CultureInfo.InvariantCulture);

    /// <summary>Writes the folders that are not there yet, in bfloat16; adapter i has rank i modulo the number of ranks.</summary>
    /// <param name="model">The base model.</param>
    /// <param name="folder">Where to: a sub-folder for each.</param>
    /// <param name="count">How many.</param>
    /// <param name="method">The method, one with a rank.</param>
    /// <param name="targets">The modules that are adapted.</param>
    /// <param name="ranks">Ranks.</param>
    /// <param name="stop">Stops between two.</param>
    /// <returns>How many were written.</returns>
    public static int Write(LanguageModel model, string folder, int count, string method, IReadOnlyList<string> targets, IReadOnlyList<int> ranks, CancellationToken stop)
    {
        int written = 0;
        for (int i = 0; i < count; i++)
        {
            stop.ThrowIfCancellationRequested();
            string place = Path.Combine(folder, Name(i));
            if (File.Exists(Path.Combine(place, AdapterFolder.ConfigName)))
            {
                continue;
            }
            int rank = ranks[i % ranks.Count];
            JsonNode modules = targets is ["all-linear"] ? JsonValue.Create(targets[0]) : new JsonArray([.. targets.Select(t => JsonValue.Create(t))]);
            JsonObject config = new() { ["r"] = rank, ["lora_alpha"] = 2 * rank, ["target_modules"] = modules };
            CounterRandom random = new CounterRandom(1).Named(Name(i));
            using TrainedAdapter adapter = AdapterMethods.Find(method).Create(Name(i), model, config, random);
            foreach ((string key, Parameter parameter) in adapter.NamedParameters)
            {
                random.Named(key).FillNormal(parameter.Value.Span, Deviation);
            }
            AdapterFolder.Save(adapter, place);
            SafetensorsWriter.Write(Path.Combine(place, AdapterFolder.WeightsName), null, [.. adapter.FileTensors.Select(Narrow)]);
            written++;
        }
        return written;
    }

    private static TensorToWrite Narrow(TensorToWrite tensor)
    {
        using MemoryStream wide = new();
        tensor.Write(wide);
        return TensorToWrite.Single(tensor.Name, tensor.Shape, MemoryMarshal.Cast<byte, float>(wide.ToArray()).ToArray(), StoredType.BF16);
    }
}
