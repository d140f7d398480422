using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;

namespace Lorikeet.Cli.Verify;

/// <summary>Several adapters at once: batches whose rows differ, weighted sums, sums of active adapters, switching.</summary>
internal static class CombineCase
{
    public static void Verify(string folder, JsonElement root, CaseReport report)
    {
        string baseFolder = AdapterGolden.BaseFolder(folder, root.GetProperty("base").GetString()!);
        string area = Path.GetDirectoryName(baseFolder)!;
        using LanguageModel model = ModelLoader.Load(baseFolder);
        List<TrainedAdapter> adapters = [];
        try
        {
            foreach (JsonElement path in root.GetProperty("adapters").EnumerateArray())
            {
                adapters.Add(AdapterFolder.Load(Path.Combine(area, path.GetString()!), model));
            }
            Dictionary<string, float[]> golden = AdapterGolden.Tensors(Path.Combine(folder, "golden.safetensors"));
            Run(new Combination(model, adapters, golden, root, AdapterGolden.Ids(root.GetProperty("input_ids")), report));
        }
        finally
        {
            adapters.ForEach(a => a.Dispose());
        }
    }

    private static void Run(Combination all)
    {
        JsonElement root = all.Root;
        if (root.TryGetProperty("adapter_names", out JsonElement names))
        {
            MixedBatch(all, [.. names.EnumerateArray().Select(n => n.GetString()!)]);
            return;
        }
        if (root.TryGetProperty("arguments", out JsonElement arguments) && arguments.TryGetProperty("combination_type", out JsonElement type))
        {
            Weighted(all, type.GetString()!);
            return;
        }
        if (root.TryGetProperty("arguments", out arguments) || root.TryGetProperty("weights", out arguments))
        {
            throw new NotSupportedException($"a combination with {arguments.GetRawText().ReplaceLineEndings(" ")} is not built yet");
        }
        foreach ((string key, float[] expected) in all.Golden.Where(t => t.Key.StartsWith("logits", StringComparison.Ordinal)))
        {
            Named(all, key, expected);
        }
    }

    /// <summary>Each row with its own adapter; padding in front is left out, as it is not part of a row.</summary>
    private static void MixedBatch(Combination all, string[] names)
    {
        int[][] rows = all.Ids;
        int width = rows[0].Length;
        int[] skipped = new int[rows.Length];
        if (all.Root.TryGetProperty("attention_mask", out JsonElement mask))
        {
            skipped = [.. mask.EnumerateArray().Select(r => r.EnumerateArray().TakeWhile(m => m.GetInt32() == 0).Count())];
        }
        int[][] real = [.. rows.Select((r, i) => r[skipped[i]..])];
        List<RowSegment> segments = [];
        int at = 0;
        for (int i = 0; i < rows.Length; i++)
        {
            segments.Add(new RowSegment(all.Adapter(names[i]), at, real[i].Length));
            at += real[i].Length;
        }
        using ModelRun run = new() { Rows = new Rows([.. real.Select(r => r.Length)]), Plan = new BatchPlan(all.Model, [.. segments]) };
        float[] got = all.Model.Logits(run, all.Model.Forward(run, Input.Of([.. real.SelectMany(r => r)]))).Span.ToArray();
        float[] expected = all.Golden["logits"];
        int vocabulary = expected.Length / (rows.Length * width);
        for (int i = 0; i < rows.Length; i++)
        {
            int length = real[i].Length * vocabulary;
            float[] own = got.AsSpan(segments[i].Row * vocabulary, length).ToArray();
            all.Report.Numbers($"row {i} ({names[i]})", own, expected.AsSpan(((i * width) + skipped[i]) * vocabulary, length), all.Tolerance);
            float[] alone = AdapterGolden.Logits(all.Model, all.Adapter(names[i]), real[i]);
            all.Report.Equal($"row {i} alone", own.AsSpan().SequenceEqual(alone), "the row's logits differ in bits from those of the row alone");
        }
    }

    private static void Weighted(Combination all, string type)
    {
        double[] weights = [.. all.Root.GetProperty("weights").EnumerateArray().Select(w => w.GetDouble())];
        JsonElement result = all.Root.GetProperty("result");
        using TrainedAdapter sum = Merging.WeightedSum("sum", all.Adapters, weights, type);
        Result(all, sum, result);
        // The library copies use_rslora from the first adapter, so its sum runs with sqrt(r) for scale; ours has scale 1 as it should.
        bool rsLora = new AdapterConfig(all.Adapters[0].Config, "config").Flag("use_rslora");
        double factor = rsLora ? Math.Sqrt(result.GetProperty("r").GetInt32()) : 1;
        using TrainedAdapter like = Merging.WeightedSum("sum", all.Adapters, [.. weights.Select(w => w * factor)], type);
        all.Compare("logits", like, all.Golden["logits"]);
    }

    private static void Result(Combination all, TrainedAdapter sum, JsonElement result)
    {
        AdapterConfig config = new(sum.Config, "config");
        int r = config.Integer("r", 8);
        all.Report.Equal("result.r", r == result.GetProperty("r").GetInt32(), $"{r} computed, {result.GetProperty("r").GetInt32()} expected");
        double alpha = config.Number("lora_alpha", 8);
        all.Report.Equal("result.lora_alpha", alpha == result.GetProperty("lora_alpha").GetDouble(), $"{alpha} computed");
        string[] targets = [.. result.GetProperty("target_modules").EnumerateArray().Select(t => t.GetString()!)];
        all.Report.Equal("result.target_modules", config.Texts("target_modules")!.ToHashSet().SetEquals(targets), $"{sum.Config["target_modules"]} computed");
    }

    private static void Named(Combination all, string key, float[] expected)
    {
        string name = key["logits".Length..].TrimStart('.');
        if (name.Length == 0 && all.Root.TryGetProperty("active", out JsonElement active))
        {
            Sum(all, key, expected, [.. active.EnumerateArray().Select(a => a.GetString()!)], 1);
        }
        else if (name == "base" || all.Has(name))
        {
            all.Compare(key, name == "base" ? null : all.Adapter(name), expected);
        }
        else if (name.StartsWith("after_delete_", StringComparison.Ordinal))
        {
            // The first of those left becomes active.
            all.Compare(key, all.Adapters.First(a => a.Name != name["after_delete_".Length..]), expected);
        }
        else if (double.TryParse(name, out double scale) && all.Adapters.Count == 1)
        {
            Sum(all, key, expected, [all.Adapters[0].Name], scale);
        }
        else if (name == "mean_of_deltas")
        {
            Sum(all, key, expected, [.. all.Adapters.Select(a => a.Name)], 1.0 / all.Adapters.Count);
        }
        else if (name.Split('+').All(all.Has))
        {
            Sum(all, key, expected, name.Split('+'), 1);
        }
        else
        {
            all.Report.Unsupported($"{key}: a combination of this kind is not built yet");
        }
    }

    private static void Sum(Combination all, string key, float[] expected, string[] names, double weight)
    {
        using TrainedAdapter sum = Merging.WeightedSum(key, [.. names.Select(n => all.Adapter(n)!)], [.. names.Select(_ => weight)], "cat");
        all.Compare(key, sum, expected);
    }

    private sealed record Combination(
        LanguageModel Model, List<TrainedAdapter> Adapters, Dictionary<string, float[]> Golden, JsonElement Root, int[][] Ids, CaseReport Report)
    {
        public double Tolerance => AdapterGolden.Tolerance(Root, "logits_rel", 1e-4);

        public bool Has(string name) => Adapters.Any(a => a.Name == name);

        public TrainedAdapter? Adapter(string name) => name == "__base__" ? null : Adapters.First(a => a.Name == name);

        /// <summary>Every row with one adapter, [rows, tokens, vocabulary].</summary>
        public void Compare(string what, TrainedAdapter? adapter, float[] expected) =>
            Report.Numbers(what, [.. Ids.SelectMany(row => AdapterGolden.Logits(Model, adapter, row))], expected, Tolerance);
    }
}
