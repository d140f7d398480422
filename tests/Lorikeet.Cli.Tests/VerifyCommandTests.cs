using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

/// <summary>lorikeet verify as a user runs it: copies outside the shared folder pass, and any changed reference value fails.</summary>
[Collection("console")]
public sealed class VerifyCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [SharedTheory("parity/models/llama2")]
    [InlineData("golden.safetensors", "logits.s17")]
    [InlineData("golden.safetensors", "hidden.2")]
    [InlineData("golden.safetensors", "hidden.norm")]
    [InlineData("golden.safetensors", "logprob.s43")]
    [InlineData("golden.safetensors", "loss.s43")]
    public void A_changed_number_of_a_model_fails(string file, string tensor)
    {
        string copy = Copy("models", "llama2");
        Cli.Run("verify", copy).Done();
        TinyFiles.Change(Path.Combine(copy, file), tensor, 0, x => x + 1 + Math.Abs(x));
        Assert.Contains(tensor, Failed(copy), StringComparison.Ordinal);
    }

    [SharedTheory("parity/tokenizers/llama3-style")]
    [InlineData("\"text\":\"a\",\"add_special_tokens\":false,\"ids\":[", "\"text\":\"a\",\"add_special_tokens\":false,\"ids\":[0,", "ids")]
    [InlineData("\"decoded\":\"a\"", "\"decoded\":\"b\"", "decoded")]
    [InlineData("\"offsets\":[[0,1]]", "\"offsets\":[[0,2]]", "offsets")]
    [InlineData("\"byte_offsets\":[[0,1]]", "\"byte_offsets\":[[1,1]]", "byte_offsets")]
    [InlineData("\"type_ids\":[0", "\"type_ids\":[1", "type_ids")]
    [InlineData("\"pieces\":[\"", "\"pieces\":[\"x", "pieces")]
    public void A_changed_value_of_a_tokenizer_fails(string old, string fresh, string what)
    {
        string copy = Copy("tokenizers", "llama3-style");
        TinyFiles.ChangeText(Path.Combine(copy, "cases.json"), old, fresh);
        Assert.Contains($": {what}", Failed(copy), StringComparison.Ordinal);
    }

    [SharedFact("parity/tokenizers/bpe-training")]
    public void A_changed_merge_fails_and_a_case_may_be_a_file()
    {
        string copy = Copy("tokenizers", "bpe-training"), file = Path.Combine(copy, "ties.json");
        Cli.Run("verify", copy).Done();
        Assert.Contains("1 cases passed", Cli.Run("verify", file).Done().Output, StringComparison.Ordinal);
        using (JsonDocument json = SafeJson.ReadObject(file))
        {
            JsonElement first = json.RootElement.GetProperty("merges")[0];
            Assert.Equal(JsonValueKind.Array, first.ValueKind);
        }
        TinyFiles.ChangeText(file, "\"min_frequency\": 1", "\"min_frequency\": 3");
        Assert.Contains("vocab", Failed(file), StringComparison.Ordinal);
    }

    [SharedTheory("parity/adapters/lora/all-linear")]
    [InlineData("logits.0")]
    [InlineData("merged_logits.0")]
    [InlineData("merged.model.layers.0.mlp.down_proj.weight")]
    [InlineData("grad.base_model.model.model.layers.0.mlp.down_proj.lora_A.weight")]
    public void A_changed_number_of_an_adapter_fails(string tensor)
    {
        folder.Copy(SharedFiles.Path("parity/adapters/base-llama")!, "adapters/base-llama");
        string copy = Copy("adapters", "lora/all-linear");
        Cli.Run("verify", copy).Done();
        TinyFiles.Change(Path.Combine(copy, "golden.safetensors"), tensor, 0, x => x + 1 + Math.Abs(x));
        Assert.Contains(tensor, Failed(copy), StringComparison.Ordinal);
    }

    [SharedFact("parity/optimizers/adamw")]
    public void A_changed_number_of_an_optimizer_fails()
    {
        Copy("optimizers", "inputs");
        string copy = Copy("optimizers", "adamw");
        Cli.Run("verify", copy).Done();
        string file = Directory.EnumerateFiles(copy, "*.safetensors").Single();
        string tensor;
        using (SafetensorsFile trace = SafetensorsFile.Open(file))
        {
            tensor = trace.Tensors.Where(t => t.Type == StoredType.F32 && t.Count > 0).OrderByDescending(t => t.Name, StringComparer.Ordinal).First().Name;
        }
        TinyFiles.Change(file, tensor, 0, x => x + 1 + Math.Abs(x));
        Assert.NotEqual("", Failed(copy));
    }

    [SharedFact("parity/models/llama2")]
    public void Json_is_one_object_a_comparison()
    {
        CliResult result = Cli.Run("verify", Copy("models", "llama2"), "--json").Done();
        string[] lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length > 20);
        foreach (string line in lines)
        {
            using JsonDocument json = JsonDocument.Parse(line);
            Assert.Equal("pass", json.RootElement.GetProperty("verdict").GetString());
            Assert.True(json.RootElement.GetProperty("error").GetDouble() <= json.RootElement.GetProperty("tolerance").GetDouble());
        }
        Assert.Equal("1 cases passed, 0 failed, 0 not supported by this version\n", result.Error);
    }

    [SharedFact("parity/models/gpt2")]
    public void What_is_not_built_counts_apart_only_on_demand()
    {
        string copy = Copy("models", "gpt2");
        TinyFiles.ChangeText(Path.Combine(copy, "config.json"), "\"gpt2\"", "\"albert\"");
        CliResult strict = Cli.Run("verify", copy);
        Assert.Equal(1, strict.Code);
        Assert.Contains("model_type albert is not built yet", strict.Output, StringComparison.Ordinal);
        CliResult allowed = Cli.Run("verify", copy, "--allow-unsupported").Done();
        Assert.Contains("0 cases passed, 0 failed, 1 not supported", allowed.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_case_fails_and_does_not_end_the_run()
    {
        Directory.CreateDirectory(folder["tokenizers/a"]);
        Directory.CreateDirectory(folder["tokenizers/b"]);
        File.WriteAllText(folder["tokenizers/a/cases.json"], "{}");
        File.WriteAllText(folder["tokenizers/b/cases.json"], "[");
        CliResult result = Cli.Run("verify", folder.Path);
        Assert.Equal(1, result.Code);
        Assert.Contains("2 failed", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Folders_without_cases_fail()
    {
        Directory.CreateDirectory(folder["models"]);
        Assert.Equal(1, Cli.Run("verify", folder["models"]).Code);
        Assert.Contains("there is no such", Cli.Run("verify", folder["absent"]).Refused(), StringComparison.Ordinal);
        Directory.CreateDirectory(folder["other"]);
        Assert.Contains("named after an area", Cli.Run("verify", folder["other"]).Refused(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_area_that_is_not_built_is_named()
    {
        Directory.CreateDirectory(folder["models"]);
        Directory.CreateDirectory(folder["tokenizers"]);
        Directory.CreateDirectory(folder["astrology"]);
        CliResult result = Cli.Run("verify", folder.Path);
        Assert.Equal(1, result.Code);
        Assert.Contains("astrology: the area is not built yet", result.Output, StringComparison.Ordinal);
    }

    private string Copy(string area, string name) => folder.Copy(SharedFiles.Path($"parity/{area}/{name}")!, $"{area}/{name}");

    private static string Failed(string path)
    {
        CliResult result = Cli.Run("verify", path);
        Assert.True(result.Code == 1, result.Output);
        return string.Join('\n', result.Output.Split('\n').Where(l => l.StartsWith("FAIL", StringComparison.Ordinal)));
    }
}
