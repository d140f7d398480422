using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models.Files;
using Lorikeet.Models.Gguf;

namespace Lorikeet.Cli.Inspect;

/// <summary>Describes an adapter folder, or a GGUF file, from its configuration and its file's header; with a model, also how it fits.</summary>
internal static class AdapterSheet
{
    private static readonly string[] Shown = ["peft_type", "base_model_name_or_path", "target_modules", "r", "lora_alpha", "task_type", "peft_version"];

    /// <summary>Describes the folder.</summary>
    /// <param name="folder">The adapter's folder.</param>
    /// <param name="model">The model's folder; null: the adapter alone.</param>
    public static Sheet Make(string folder, string? model)
    {
        Sheet sheet = new();
        if (File.Exists(folder))
        {
            DescribeFile(sheet, folder, model);
            return sheet;
        }
        JsonObject config = AdapterFolder.ReadConfig(folder);
        (AdapterMethod? method, string? refusal) = Method(config, Path.Combine(folder, AdapterFolder.ConfigName));
        string type = Text(config, "peft_type") ?? "-";
        sheet.Fact("kind", "kind", "adapter", $"an adapter, peft_type {type}");
        if (method is not null)
        {
            sheet.Fact("method", "method", method.Name, $"{method.Name}: {method.Summary}");
        }
        else
        {
            sheet.Fact("unsupported", "not loadable", refusal);
        }
        sheet.Fact("base_model", "base model", Text(config, "base_model_name_or_path"));
        Rank(sheet, config);
        sheet.Fact("target_modules", "targets", config["target_modules"]?.DeepClone(), Targets(config["target_modules"]));
        JsonObject other = Options(config, method);
        sheet.Fact("options", "options", other, other.Count == 0 ? "defaults" : string.Join(", ", other.Select(o => $"{o.Key} {Value(o.Value)}")));

        string weights = WeightsOf(folder);
        using SafetensorsFile file = SafetensorsFile.Open(weights);
        ListedTensor[] stored = [.. file.Tensors.Select(ListedTensor.Of)];
        long count = stored.Sum(t => t.Count);
        sheet.Fact("parameters", "parameters", count, $"{count:N0}");
        sheet.Fact("bytes", "weights", TensorList.FormatsJson(stored), $"{TensorList.Formats(stored)} in {stored.Length:N0} tensors");
        if (model is not null)
        {
            Fit(sheet, folder, model);
        }
        sheet.Table("tensors", TensorList.Columns, TensorList.Rows(stored));
        return sheet;
    }

    private static void DescribeFile(Sheet sheet, string path, string? model)
    {
        using GgufFile file = GgufFile.Open(path);
        GgufFields fields = new(file.Metadata, path);
        IReadOnlyList<ListedTensor> stored = ListedTensor.All(file);
        sheet.Fact("kind", "kind", "adapter", $"an adapter in a GGUF file, {fields.Text("adapter.type") ?? "of no type"}");
        sheet.Fact("architecture", "for", fields.Architecture, $"models of the architecture {fields.Architecture}");
        sheet.Fact("lora_alpha", "alpha", fields.Number("adapter.lora.alpha"));
        sheet.Fact("parameters", "parameters", stored.Sum(t => t.Count), $"{stored.Sum(t => t.Count):N0}");
        sheet.Fact("bytes", "weights", TensorList.FormatsJson(stored), $"{TensorList.Formats(stored)} in {stored.Count:N0} tensors");
        if (model is not null)
        {
            Fit(sheet, path, model);
        }
        sheet.Table("tensors", TensorList.Columns, TensorList.Rows(stored));
    }

    private static (AdapterMethod? Method, string? Refusal) Method(JsonObject config, string path)
    {
        try
        {
            return (AdapterMethods.Of(config, path), null);
        }
        catch (NotSupportedException e)
        {
            return (null, e.Message);
        }
    }

    private static void Rank(Sheet sheet, JsonObject config)
    {
        if (config["r"] is JsonValue r && config["lora_alpha"] is JsonValue alpha && r.TryGetValue(out double rank) && alpha.TryGetValue(out double number))
        {
            bool root = config["use_rslora"] is JsonValue flag && flag.TryGetValue(out bool on) && on;
            double scale = number / (root ? Math.Sqrt(rank) : rank);
            sheet.Fact("r", "rank", r.DeepClone());
            sheet.Fact("lora_alpha", "alpha", alpha.DeepClone(), $"{number:G6}, so the scale is {scale:G6}{(root ? " (alpha / sqrt(r))" : "")}");
        }
        else if (config["r"] is JsonValue only)
        {
            sheet.Fact("r", "rank", only.DeepClone());
        }
    }

    // The keys that the method knows and that do not have the method's default; of an unknown method all that say anything.
    private static JsonObject Options(JsonObject config, AdapterMethod? method)
    {
        JsonObject other = [];
        foreach ((string key, JsonNode? value) in config)
        {
            bool says = value is not null and not JsonArray { Count: 0 } and not JsonObject { Count: 0 };
            string? usual = method?.Options.FirstOrDefault(o => o.Key == key)?.Default.Trim('"');
            bool known = method is null || usual is not null;
            if (says && known && !Shown.Contains(key) && Value(value) != usual)
            {
                other[key] = value!.DeepClone();
            }
        }
        return other;
    }

    private static void Fit(Sheet sheet, string folder, string model)
    {
        using MappedModel mapped = MappedModel.Open(Lorikeet.Models.Files.ModelLocation.Resolve(model));
        using TrainedAdapter adapter = AdapterFolder.Load(folder, mapped.Model);
        sheet.Fact("modules", "modules", new JsonArray([.. adapter.AdaptedModules.Select(m => (JsonNode)m)]), $"{adapter.AdaptedModules.Count:N0} of the model are adapted");
        long trained = adapter.NamedParameters.Sum(p => (long)p.Parameter.Value.Shape.Length);
        sheet.Fact("share", "share", (double)trained / mapped.Model.ParameterCount, $"{100.0 * trained / mapped.Model.ParameterCount:F3} % of the model's {mapped.Model.ParameterCount:N0} parameters");
        foreach (string warning in adapter.Warnings)
        {
            sheet.Fact("warning", "warning", warning);
        }
    }

    private static string WeightsOf(string folder)
    {
        string weights = Path.Combine(folder, AdapterFolder.WeightsName);
        if (File.Exists(weights))
        {
            return weights;
        }
        string pickle = Path.Combine(folder, "adapter_model.bin");
        throw new BadFileException(File.Exists(pickle)
            ? $"{pickle} is a pickle and can run code when it is read; expected {AdapterFolder.WeightsName}. Convert it where it was made (save_pretrained with safe_serialization=True)."
            : $"{folder} has no {AdapterFolder.WeightsName}; expected it beside {AdapterFolder.ConfigName}.");
    }

    private static string? Text(JsonObject config, string key) => config[key] is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    private static string Targets(JsonNode? targets) => targets switch
    {
        null => "the method's own choice",
        JsonArray list => string.Join(", ", list.Select(Value)),
        _ => Value(targets),
    };

    private static string Value(JsonNode? value) => value switch
    {
        null => "null",
        JsonValue text when text.TryGetValue(out string? content) => content,
        _ => value.ToJsonString(),
    };
}
