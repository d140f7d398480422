using System.Text.Json;
using Lorikeet.Cli.Verify.Metrics;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Verify;

/// <summary>Area <c>metrics</c>: a <c>cases.json</c> with lists of cases, one kind a list; all values to 1e-9.</summary>
internal sealed class MetricsVerifier : IVerifier
{
    private const string CasesName = "cases.json";

    // One line a list.
    private static readonly Dictionary<string, Action<MetricCase>> Kinds = new()
    {
        ["bleu_corpus"] = TextCases.BleuCorpus,
        ["bleu_sentence"] = TextCases.BleuSentence,
        ["chrf_corpus"] = TextCases.ChrfCorpus,
        ["chrf_sentence"] = TextCases.ChrfSentence,
        ["ter"] = TextCases.Ter,
        ["rouge"] = TextCases.Rouge,
        ["porter_stems"] = TextCases.Stem,
        ["e2e_mteval"] = TextCases.MtEval,
        ["coco_cider_rouge"] = TextCases.Coco,
        ["nltk_nist"] = TextCases.Nist,
        ["squad"] = TextCases.Squad,
        ["gsm8k_answer"] = TextCases.Gsm,
        ["classification"] = NumberCases.Classification,
        ["correlation"] = NumberCases.Correlation,
        ["auc"] = NumberCases.Auc,
        ["auc_multiclass"] = NumberCases.AucMulticlass,
        ["perplexity"] = NumberCases.Perplexity,
        ["multiple_choice"] = NumberCases.MultipleChoice,
    };

    /// <inheritdoc/>
    public string Area => "metrics";

    /// <inheritdoc/>
    public bool TakesFiles => true;

    /// <inheritdoc/>
    public IEnumerable<string> Cases(string folder) => VerifyRunner.FoldersWith(folder, CasesName);

    /// <inheritdoc/>
    public void Verify(string path, CaseReport report)
    {
        string folder = File.Exists(path) ? Path.GetDirectoryName(path)! : path;
        using JsonDocument json = SafeJson.ReadObject(Path.Combine(folder, CasesName));
        foreach (JsonProperty list in json.RootElement.EnumerateObject())
        {
            if (list.Value.ValueKind != JsonValueKind.Array)
            {
                continue;
            }
            if (!Kinds.TryGetValue(list.Name, out Action<MetricCase>? check))
            {
                report.Unsupported($"there is no metric for the list {list.Name}; there are {string.Join(", ", Kinds.Keys)}");
                continue;
            }
            int number = 0;
            foreach (JsonElement item in list.Value.EnumerateArray())
            {
                string name = item.ValueKind == JsonValueKind.Object && item.TryGetProperty("name", out JsonElement label) ? label.GetString()! : "";
                check(new MetricCase(folder, item, $"{list.Name} {number++} {name}".TrimEnd(), report));
            }
        }
    }
}
