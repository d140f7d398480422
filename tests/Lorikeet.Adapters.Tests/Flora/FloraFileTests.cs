using System.Text.Json.Nodes;
using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Flora;

/// <summary>What is written as HIRA, what as FLORA, and which options are refused.</summary>
public sealed class FloraFileTests
{
    [Theory]
    [InlineData("""{"mode": "residual"}""", "HIRA", ".hira_A")]
    [InlineData("""{"peft_type": "HIRA", "r": 2}""", "HIRA", ".hira_A")]
    [InlineData("""{"mode": "residual", "scale": 0.5}""", "FLORA", ".flora_A")]
    [InlineData("""{}""", "FLORA", ".flora_A")]
    public void The_residual_form_with_scale_one_is_PEFTs_HiRA(string options, string type, string suffix)
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = Make(model, options);
        Assert.Equal(type, adapter.Config["peft_type"]!.GetValue<string>());
        Assert.Equal(type == "FLORA", adapter.Config.ContainsKey("mode"));
        Assert.Contains(adapter.FileTensors, t => t.Name.EndsWith(suffix, StringComparison.Ordinal));
        TensorToWrite output = adapter.FileTensors.First(t => t.Name.EndsWith(type == "HIRA" ? "v_proj.hira_B" : "v_proj.flora_A", StringComparison.Ordinal));
        Assert.Equal(16, output.Shape[0]);
    }

    [Theory]
    [InlineData("""{"mode": "half"}""", "mode")]
    [InlineData("""{"reduction": "max"}""", "reduction")]
    [InlineData("""{"mode": "residual", "reduction": "mean"}""", "reduction")]
    [InlineData("""{"scale": 2}""", "scale")]
    [InlineData("""{"r": 0}""", "r must be")]
    [InlineData("""{"hira_dropout": 0.1}""", "hira_dropout")]
    [InlineData("""{"mode": "residual", "hira_dropout": 1}""", "hira_dropout")]
    public void Options_that_contradict_each_other_are_refused_by_name(string options, string expected)
    {
        using LanguageModel model = Bench.Model();
        BadFileException error = Assert.Throws<BadFileException>(() => Make(model, options));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void HiRA_of_the_token_table_trains_merges_and_comes_back()
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = Make(model, """{"peft_type": "HIRA", "r": 3, "target_modules": ["embed_tokens", "q_proj"]}""");
        Assert.Equal(Bench.Logits(model, null, Bench.Prompts[2]), Bench.Logits(model, adapter, Bench.Prompts[2]));
        Bench.Shake(adapter);
        float[] expected = Bench.Logits(model, adapter, Bench.Prompts[2]);
        using (MergedModel merged = Merging.MergeInto(model, adapter))
        {
            Assert.InRange(Bench.Difference(Bench.Logits(model, null, Bench.Prompts[2]), expected), 0, 2e-5);
        }
        Bench.Backward(model, adapter, Bench.Prompts);
        Assert.All(adapter.Parameters, p => Assert.True(p.HasGradient));
        using TemporaryFolder folder = new();
        AdapterFolder.Save(adapter, folder.Of("a"));
        using TrainedAdapter loaded = AdapterFolder.Load(folder.Of("a"), model);
        Assert.Equal(expected, Bench.Logits(model, loaded, Bench.Prompts[2]));
    }

    [Fact]
    public void Keys_without_effect_are_kept_and_named()
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = Make(model, """{"peft_type": "HIRA", "r": 2, "lora_alpha": 64, "rank_pattern": {"q_proj": 5}}""");
        Assert.All(adapter.Changes, c => Assert.Equal(2, ((FloraSite)c.Change).Rank));
        Assert.Contains(adapter.Warnings, w => w.Contains("lora_alpha", StringComparison.Ordinal));
        Assert.Contains(adapter.Warnings, w => w.Contains("rank_pattern", StringComparison.Ordinal));
        Assert.True(adapter.Config.ContainsKey("lora_alpha"));
    }

    private static TrainedAdapter Make(LanguageModel model, string options) =>
        AdapterMethods.Find("flora").Create("flora", model, JsonNode.Parse(options)!.AsObject(), new CounterRandom(2));
}
