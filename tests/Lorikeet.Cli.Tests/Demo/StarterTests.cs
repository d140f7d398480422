using System.Text.Json;
using Lorikeet.Adapters;
using Lorikeet.Cli.Demo;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Demo;

/// <summary>The starter model lies beside the program, whole, within its bounds, and goes by its name.</summary>
[Collection("console")]
public sealed class StarterTests
{
    private static readonly string Bundle = BundledFolder.Resolve(BundledFolder.Starter);

    [Fact]
    public void It_is_small_and_knows_no_path_of_the_machine_that_made_it()
    {
        string[] files = Directory.GetFiles(Bundle, "*", SearchOption.AllDirectories);
        Assert.InRange(files.Sum(f => new FileInfo(f).Length), 10 << 20, 30 << 20);
        foreach (StarterLanguage language in StarterLanguage.All)
        {
            using JsonDocument config = JsonDocument.Parse(File.ReadAllText(Path.Combine(Bundle, language.Name, "adapter_config.json")));
            Assert.Equal(BundledFolder.Starter, config.RootElement.GetProperty("base_model_name_or_path").GetString());
        }
        Assert.Contains("sources.tsv", File.ReadAllText(Path.Combine(Bundle, "README.md")), StringComparison.Ordinal);
        Assert.Contains("bfloat16", File.ReadAllText(Path.Combine(Bundle, "config.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void Its_eight_adapters_are_of_four_methods_and_go_by_their_names()
    {
        using LanguageModel model = ModelLoader.Load("starter");
        Tokenizer tokenizer = Tokenizer.Load(ModelLocation.Resolve("starter"));
        Assert.InRange(model.ParameterCount, 5_000_000, 6_000_000);
        const string Source = "fn main() {\n\tlet x = \"Käse\";\n}\n";
        Assert.Equal(Source, tokenizer.Decode(tokenizer.Encode(Source)));
        HashSet<string> methods = [];
        foreach (StarterLanguage language in StarterLanguage.All)
        {
            using TrainedAdapter adapter = AdapterFolder.Load(language.Adapter, model, language.Name);
            methods.Add(adapter.Method.Name);
            Assert.NotEmpty(File.ReadAllText(language.HeldOut));
        }
        Assert.Equal(["dora", "flora", "lora", "nola"], methods.Order());
    }

    [Theory]
    [InlineData("starter/../starter")]
    [InlineData("starter//rust")]
    [InlineData("starter/none")]
    [InlineData("starters")]
    public void Names_that_are_not_in_it_are_paths(string name) => Assert.Equal(name, BundledFolder.Resolve(name));

    [Fact]
    public void A_folder_of_that_name_comes_first()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder["starter"]);
        CliResult own = Cli.Child($"cd '{folder.Path}' &&", "inspect", "starter");
        Assert.Contains("config.json", own.Refused(), StringComparison.Ordinal);
        CliResult bundled = Cli.Child($"cd '{Path.GetTempPath()}' &&", "inspect", "starter/rust");
        Assert.True(bundled.Code == 0, bundled.Error);
        Assert.Contains("lora", bundled.Output, StringComparison.OrdinalIgnoreCase);
    }
}
