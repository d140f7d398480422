using System.Text.Json;
using Lorikeet.Models;

namespace Lorikeet.Cli.Tests;

[Collection("console")]
public sealed class InspectTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_model_is_described_from_its_headers()
    {
        string model = TinyFiles.Model(folder["m"], Kernels.ElementType.BF16);
        using LanguageModel loaded = ModelLoader.Load(model);
        using JsonDocument json = JsonDocument.Parse(Cli.Run("inspect", model, "--json").Done().Output);
        JsonElement root = json.RootElement;
        Assert.Equal("model", root.GetProperty("kind").GetString());
        Assert.Equal("llama", root.GetProperty("model_type").GetString());
        Assert.Equal(loaded.ParameterCount, root.GetProperty("parameters").GetInt64());
        Assert.Equal(TinyFiles.Config.Layers, root.GetProperty("layers").GetInt32());
        Assert.Equal(TinyFiles.Config.KeyHeads, root.GetProperty("key_value_heads").GetInt32());
        Assert.Equal(loaded.Sites.Count, root.GetProperty("site_kinds").EnumerateObject().Sum(k => k.Value.GetInt32()));
        Assert.Equal(14, root.GetProperty("site_kinds").GetProperty("linear").GetInt32());
        Assert.Equal(loaded.Sites.Count, root.GetProperty("sites").EnumerateArray().Sum(s => s.GetProperty("count").GetInt32()));

        using JsonDocument every = JsonDocument.Parse(Cli.Run("inspect", model, "--json", "--sites").Done().Output);
        Assert.Equal(
            loaded.Sites.Select(s => (s.Name, s.Inputs, s.Outputs)),
            every.RootElement.GetProperty("sites").EnumerateArray().Select(s => (s.GetProperty("site").GetString()!, s.GetProperty("inputs").GetInt32(), s.GetProperty("outputs").GetInt32())));
        JsonElement memory = root.GetProperty("memory");
        Assert.Equal(loaded.WeightBytes, memory.GetProperty("weights").GetInt64());
        int token = 2 * TinyFiles.Config.Layers * TinyFiles.Config.KeyHeads * TinyFiles.Config.HeadDim * sizeof(float);
        Assert.Equal(token, memory.GetProperty("sequence_token").GetInt32());
        Assert.Equal(token * TinyFiles.Config.MaxPositions, memory.GetProperty("sequence_full").GetInt32());
        string text = Cli.Run("inspect", model).Done().Output;
        Assert.Contains("bytes, 257 tokens", text, StringComparison.Ordinal);
        Assert.Contains("model.layers.*.self_attn.q_proj", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 100, line));
    }

    [Fact]
    public void A_norm_that_is_stored_as_a_matrix_is_read_as_one()
    {
        ModelConfig config = TinyFiles.Config with { ModelType = "cohere", Source = System.Text.Json.Nodes.JsonNode.Parse("""{"use_qk_norm": true}""")!.AsObject() };
        using (LanguageModel model = ModelLoader.Create(config, new Tensors.CounterRandom(7)))
        {
            ModelWriter.Save(model, folder["m"]);
        }
        using JsonDocument json = JsonDocument.Parse(Cli.Run("inspect", folder["m"], "--json").Done().Output);
        // One before each block's branches, one each for q and k, and the last.
        Assert.Equal((3 * config.Layers) + 1, json.RootElement.GetProperty("site_kinds").GetProperty("norm").GetInt32());
    }

    [Fact]
    public void An_adapter_is_described_with_and_without_its_model()
    {
        string model = TinyFiles.Model(folder["m"]), adapter = TinyFiles.Adapter(folder["a"], model);
        using JsonDocument alone = JsonDocument.Parse(Cli.Run("inspect", adapter, "--json").Done().Output);
        JsonElement root = alone.RootElement;
        Assert.Equal("adapter", root.GetProperty("kind").GetString());
        Assert.Equal("lora", root.GetProperty("method").GetString());
        Assert.Equal(2, root.GetProperty("r").GetInt32());
        int expected = 2 * 2 * (16 + 16 + (16 + 8) + (24 + 16));
        Assert.Equal(expected, root.GetProperty("parameters").GetInt32());
        Assert.Equal(4 * expected, root.GetProperty("bytes").GetProperty("f32").GetInt32());
        Assert.False(root.TryGetProperty("modules", out _));
        using JsonDocument fitted = JsonDocument.Parse(Cli.Run("inspect", adapter, "--model", model, "--json").Done().Output);
        Assert.Equal(6, fitted.RootElement.GetProperty("modules").GetArrayLength());
        Assert.Contains("so the scale is 2", Cli.Run("inspect", adapter).Done().Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Dora_reads_the_rows_it_needs_from_the_file()
    {
        string model = TinyFiles.Model(folder["m"]), adapter = TinyFiles.Adapter(folder["a"], model, "dora");
        Assert.Contains("6 of the model are adapted", Cli.Run("inspect", adapter, "--model", model).Done().Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_built_is_still_shown()
    {
        string model = TinyFiles.Model(folder["m"]), adapter = TinyFiles.Adapter(folder["a"], model);
        TinyFiles.ChangeText(Path.Combine(model, "config.json"), "\"llama\"", "\"albert\"");
        string shown = Cli.Run("inspect", model).Done().Output;
        Assert.Contains("model_type albert is not built yet", shown, StringComparison.Ordinal);
        Assert.Contains("model.layers.*.mlp.up_proj.weight", shown, StringComparison.Ordinal);
        TinyFiles.ChangeText(Path.Combine(adapter, "adapter_config.json"), "\"LORA\"", "\"VERA\"");
        Assert.Contains("peft_type VERA is not built yet", Cli.Run("inspect", adapter).Done().Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_uses_are_refused_in_one_line()
    {
        string model = TinyFiles.Model(folder["m"]), adapter = TinyFiles.Adapter(folder["a"], model);
        Assert.Contains("--sites", Cli.Run("inspect", adapter, "--sites").Refused(2), StringComparison.Ordinal);
        Assert.Contains("is a model itself", Cli.Run("inspect", model, "--model", model).Refused(2), StringComparison.Ordinal);
        Assert.Contains("neither config.json", Cli.Run("inspect", folder.Path).Refused(), StringComparison.Ordinal);
        Assert.Contains("is a file", Cli.Run("inspect", Path.Combine(model, "config.json")).Refused(), StringComparison.Ordinal);
    }
}
