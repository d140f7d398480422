using System.Data;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Docs;

/// <summary>The facts and options on a method's page are the registry's and the method's own behaviour; <c>LORIKEET_UPDATE_DOCS=1</c> writes them.</summary>
public sealed class MethodPagesTests : IDisposable
{
    private const string Start = "<!-- registry: written by LORIKEET_UPDATE_DOCS=1 ./test --filter MethodPages -->\n", End = "<!-- end of registry -->";
    private readonly TemporaryFolder folder = new();
    private readonly LanguageModel model;

    public MethodPagesTests() => model = ModelLoader.Load(TinyFiles.Model(folder["base"]));

    public static TheoryData<string> Methods => [.. AdapterMethods.All.Select(m => m.Name)];

    public void Dispose()
    {
        model.Dispose();
        folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void The_facts_of_a_page_are_the_registry(string name)
    {
        string path = Path.Combine(SharedFiles.Repository, "docs", "methods", name + ".md"), page = File.ReadAllText(path);
        int start = page.IndexOf(Start, StringComparison.Ordinal), end = page.IndexOf(End, StringComparison.Ordinal);
        Assert.True(start >= 0 && end > start, $"docs/methods/{name}.md has no place for the registry's facts: put the lines\n{Start}{End}\nbelow what the method is for");
        string expected = string.Concat(page.AsSpan(0, start + Start.Length), Facts(AdapterMethods.Find(name)), page.AsSpan(end));
        if (Environment.GetEnvironmentVariable("LORIKEET_UPDATE_DOCS") == "1")
        {
            File.WriteAllText(path, expected);
            return;
        }
        Assert.True(expected == page, $"docs/methods/{name}.md differs from the registry; LORIKEET_UPDATE_DOCS=1 ./test --filter MethodPages writes it anew");
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_formula_counts_what_trains(string name)
    {
        AdapterMethod method = AdapterMethods.Find(name);
        using TrainedAdapter adapter = Create(method);
        double expected = adapter.Changes.Sum(c => Count(method.Formula, Options(method), (LinearSite)c.Site));
        Assert.Equal(adapter.ParameterCount, expected);
    }

    [Fact]
    public void Every_optimiser_is_on_its_page()
    {
        string page = File.ReadAllText(Path.Combine(SharedFiles.Repository, "docs", "optimizers.md"));
        Assert.All(Training.Optimizers.All.Keys, name => Assert.True(page.Contains($"`{name}`", StringComparison.Ordinal), $"docs/optimizers.md does not name the optimiser {name}"));
    }

    private string Facts(AdapterMethod method)
    {
        using TrainedAdapter adapter = Create(method);
        (Site site, SiteAdapter change) = adapter.Changes.First();
        float[] weight = new float[((LinearSite)site).Inputs * site.Outputs], bias = new float[site.Outputs];
        StringBuilder text = new("| | |\n| --- | --- |\n");
        text.Append($"| `--method` | `{method.Name}` |\n| `peft_type` in adapter_config.json | `{method.PeftType}` |\n");
        text.Append($"| trained numbers of a linear layer | {method.Formula} |\n");
        text.Append($"| folds into the weight (`lorikeet merge`) | {(change.Merge(site, weight, bias) ? "yes" : "no")} |\n");
        text.Append($"| may be mixed with others by weight | {(AdapterMixture.Hindrance(adapter) is null ? "yes" : "no")} |\n");
        text.Append($"| in a batch | {Parts(adapter.Form(site))} |\n");
        text.Append(CultureInfo.InvariantCulture, $"| learning rate, weight decay to begin with | {method.LearningRate}, {method.WeightDecay} |\n");
        text.Append($"| source | {method.Source} |\n");
        AdapterMethod? same = AdapterMethods.All.FirstOrDefault(m => m != method && m.Name.Equals(m.PeftType, StringComparison.OrdinalIgnoreCase) && ReferenceEquals(m.Options, method.Options));
        if (same is not null)
        {
            return text.Append($"\nThe options are those of [{same.Name}]({same.Name}.md).\n").ToString();
        }
        text.Append("\n| option | default | meaning |\n| --- | --- | --- |\n");
        foreach (MethodOption option in method.Options)
        {
            text.Append($"| `{option.Key}` | {option.Default} | {option.Meaning.Replace("|", "\\|", StringComparison.Ordinal)} |\n");
        }
        return text.ToString();
    }

    private static string Parts(SiteForm? form)
    {
        if (form is null)
        {
            return "its own `Forward` on its rows";
        }
        string[] parts =
        [
            .. form.Pre.Exists ? ["Pre"] : Array.Empty<string>(), .. form.Around is not null ? ["Expand and Reduce around the shared product"] : Array.Empty<string>(),
            .. form.LowRank.Count > 0 ? ["Add (low-rank)"] : Array.Empty<string>(), .. form.Sparse is not null ? ["Add (sparse)"] : Array.Empty<string>(),
            .. form.Post.Exists ? ["Post"] : Array.Empty<string>(), .. form.Bias.Exists ? ["a bias"] : Array.Empty<string>(),
        ];
        return string.Join(", ", parts);
    }

    private TrainedAdapter Create(AdapterMethod method)
    {
        JsonObject config = new() { ["target_modules"] = "all-linear" };
        foreach ((string key, int value) in Options(method))
        {
            config[key] = value;
        }
        return method.Create("facts", model, config, new CounterRandom(1));
    }

    // A number of its own for each option that a formula names.
    private static (string Key, int Value)[] Options(AdapterMethod method) =>
        [.. method.Options.Where(o => Regex.IsMatch(method.Formula, $@"\b{o.Key}\b")).Select((o, i) => (o.Key, i + 2))];

    private static double Count(string formula, (string Key, int Value)[] options, LinearSite site)
    {
        foreach ((string key, int value) in options.Append(("inputs", site.Inputs)).Append(("outputs", site.Outputs)))
        {
            formula = Regex.Replace(formula, $@"\b{key}\b", value.ToString(CultureInfo.InvariantCulture));
        }
        using DataTable table = new();
        return Convert.ToDouble(table.Compute(Regex.Replace(formula, @"(?<=[0-9)]) (?=[0-9(])", "*"), null), CultureInfo.InvariantCulture);
    }
}
