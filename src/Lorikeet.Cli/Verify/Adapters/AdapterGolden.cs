using System.Text.Json;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Verify;

/// <summary>What the kinds of adapter cases share: the base, reference tensors, inputs, and one run.</summary>
internal static class AdapterGolden
{
    /// <summary>The base's folder, which lies beside the folders of the methods.</summary>
    public static string BaseFolder(string folder, string name)
    {
        for (string? at = folder; at is not null; at = Path.GetDirectoryName(at))
        {
            string found = Path.Combine(at, name);
            if (File.Exists(Path.Combine(found, "config.json")))
            {
                return found;
            }
        }
        throw new DirectoryNotFoundException($"{folder}: the base {name} lies neither here nor above");
    }

    public static LanguageModel Base(string folder, JsonElement root) =>
        ModelLoader.Load(BaseFolder(folder, root.GetProperty("base").GetString()!));

    public static Dictionary<string, float[]> Tensors(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return file.Tensors.Where(t => SafetensorsFile.ToElementType(t.Type) is not null).ToDictionary(t => t.Name, t => TensorFiles.Floats(file, t));
    }

    public static int[][] Ids(JsonElement inputs) =>
        [.. inputs.EnumerateArray().Select(row => row.EnumerateArray().Select(id => id.GetInt32()).ToArray())];

    public static double Tolerance(JsonElement root, string key, double absent) =>
        root.TryGetProperty("tolerance", out JsonElement all) && all.TryGetProperty(key, out JsonElement value) ? value.GetDouble() : absent;

    /// <summary>Logits of one sequence, [tokens, vocabulary].</summary>
    public static float[] Logits(LanguageModel model, Adapter? adapter, int[] ids, bool ownForwards = false)
    {
        using ModelRun run = new() { Rows = new Rows(ids.Length), Plan = BatchPlan.For(adapter, ids.Length), OwnForwards = ownForwards };
        return model.Logits(run, model.Forward(run, Input.Of(ids))).Span.ToArray();
    }

    /// <summary>The mean next-token loss, and its gradients in the adapter's parameters.</summary>
    public static float LossAndGradients(LanguageModel model, Adapter adapter, int[] ids)
    {
        using ModelRun run = new() { Rows = new Rows(ids.Length), Plan = BatchPlan.For(adapter, ids.Length), Tape = new Tape() };
        run.Tape.Begin(run);
        int[] targets = [.. ids.Skip(1), -1];
        float[] weights = new float[ids.Length];
        weights.AsSpan(0, ids.Length - 1).Fill(1f / (ids.Length - 1));
        Tensor loss = HeadLoss.Forward(run, model.Forward(run, Input.Of(ids)), (h, _) => model.Logits(run, h), targets, weights, [], ids.Length);
        float value = loss.Span[0];
        run.Tape.Backward(run, loss);
        return value;
    }
}
