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
        // Numbers are drawn once, and each factor begins at a place of its own: thousands of adapters are a matter of writing them.
        float[] numbers = new float[(1 << 20) + 1];
        new CounterRandom(1).Named("numbers").FillNormal(numbers, Deviation);
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
                Span<float> factor = parameter.Value.Span;
                int from = random.Named(key).Integer(0, numbers.Length);
                for (int at = 0; at < factor.Length; from = 0)
                {
                    int some = Math.Min(factor.Length - at, numbers.Length - from);
                    numbers.AsSpan(from, some).CopyTo(factor[at..]);
                    at += some;
                }
            }
            Directory.CreateDirectory(place);
            SafetensorsWriter.Write(Path.Combine(place, AdapterFolder.WeightsName), new Dictionary<string, string> { ["format"] = "pt" }, [.. adapter.FileTensors.Select(Narrow)]);
            AtomicFile.WriteText(Path.Combine(place, AdapterFolder.ConfigName), adapter.FileConfig.ToJsonString());
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
