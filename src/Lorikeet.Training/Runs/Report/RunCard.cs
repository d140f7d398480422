using System.Globalization;
using System.Text;
using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>README.md: the card of a result in the hub's form, front matter as PEFT writes it for adapters.</summary>
internal static class RunCard
{
    /// <summary>Writes the card beside each result, and the loss's picture it shows.</summary>
    public static void Write(TrainingRun run, RunResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        string picture = RunCharts.Loss(run.History).Draw();
        for (int i = 0; i < result.Folders.Count; i++)
        {
            AtomicFile.WriteText(Path.Combine(result.Folders[i], "loss.svg"), picture);
            AtomicFile.WriteText(Path.Combine(result.Folders[i], "README.md"), Text(run, result, i));
        }
    }

    private static string Text(TrainingRun run, RunResult result, int trainee)
    {
        RunSettings settings = run.Settings;
        bool adapter = settings.Method != "full";
        StringBuilder card = new();
        card.Append("---\n");
        if (adapter)
        {
            card.Append("base_model: ").Append(Quoted(settings.Model)).Append("\nlibrary_name: peft\ntags:\n- ").Append(settings.Method).Append("\n- lorikeet\n");
        }
        else
        {
            card.Append("library_name: transformers\ntags:\n- lorikeet\n");
        }
        card.Append("pipeline_tag: text-generation\n---\n\n# ").Append(Plain(Path.GetFileName(result.Folders[trainee]))).Append("\n\n");
        card.Append(adapter
            ? $"An adapter of the method `{settings.Method}` for `{Plain(settings.Model)}`.\n\n"
            : settings.Shape is not null ? "A language model trained from random weights.\n\n" : $"`{Plain(settings.Model)}` with all weights trained further.\n\n");
        card.Append("![loss](loss.svg)\n\n## Results\n\n| | |\n| --- | --- |\n");
        Rows(card, RunFacts.Numbers(run, result));
        if (result.Best.Count > trainee && !double.IsNaN(result.Best[trainee].Loss) && settings.KeepBest)
        {
            card.Append(CultureInfo.InvariantCulture, $"\n`best/` holds the values after step {result.Best[trainee].Step}, which had the lowest held-out loss.");
        }
        if (settings.Ema is { } ema)
        {
            card.Append(CultureInfo.InvariantCulture, $"\n`ema/` holds the moving average of the values (decay {ema}).");
        }
        card.Append("\n\n## How it was trained\n\n| | |\n| --- | --- |\n");
        Rows(card, RunFacts.Settings(run));
        card.Append("\n`run.json` holds every setting, `metrics.jsonl` every step, `report.html` the curves.\n\n## How to use it\n\n```\n");
        card.Append(adapter
            ? $"lorikeet generate --model {settings.Model} --adapter . --prompt \"...\"\n```\n\nThe files are in PEFT's form: `PeftModel.from_pretrained(model, \".\")` reads them where PEFT has the method.\n"
            : "lorikeet generate --model . --prompt \"...\"\n```\n\nThe folder is in the hub's form: `AutoModelForCausalLM.from_pretrained(\".\")` reads it.\n");
        return card.ToString();
    }

    private static void Rows(StringBuilder card, IEnumerable<(string Name, string Value)> rows)
    {
        foreach ((string name, string value) in rows)
        {
            card.Append("| ").Append(Cell(name)).Append(" | ").Append(Cell(value)).Append(" |\n");
        }
    }

    private static string Cell(string text) => Plain(text).Replace("|", "\\|", StringComparison.Ordinal);

    private static string Plain(string text) => text.ReplaceLineEndings(" ").Replace("`", "'", StringComparison.Ordinal);

    // JSON's strings are YAML's.
    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text)}\"";
}
