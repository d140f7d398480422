using System.Diagnostics;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Adapters.Tests.Matching;

/// <summary>Which modules a configuration names: the check 5 of LoRA's card (PEFT's own table is in parity/adapters/matching).</summary>
public sealed class ModuleMatcherTests
{
    private static readonly ModulePath[] Modules =
    [
        new("model", ModuleKind.Other), new("model.embed_tokens", ModuleKind.Embedding), new("model.layers.0.self_attn.q_proj", ModuleKind.Linear),
        new("model.layers.0.self_attn.v_proj", ModuleKind.Linear), new("model.layers.1.self_attn.q_proj", ModuleKind.Linear),
        new("model.layers.11.self_attn.q_proj", ModuleKind.Linear), new("model.norm", ModuleKind.Other), new("lm_head", ModuleKind.Head),
    ];

    [Theory]
    [Trait("Card", "LoRA 5")]
    [InlineData("""{"target_modules": "all-linear"}""", "0.q 0.v 1.q 11.q")]
    [InlineData("""{"target_modules": "All-Linear", "exclude_modules": ".*v_proj"}""", "0.q 1.q 11.q")]
    [InlineData("""{"target_modules": ["1.self_attn.q_proj"]}""", "1.q")]
    [InlineData("""{"target_modules": ".*1\\.self_attn\\.q_proj"}""", "1.q 11.q")]
    [InlineData("""{"target_modules": "(?P<all>.*)\\.v_proj"}""", "0.v")]
    [InlineData("""{"target_modules": "(?=.*q_proj).*\\.1\\..*"}""", "1.q")]
    [InlineData("""{"target_modules": ["q_proj"], "layers_to_transform": [0, 11]}""", "0.q 11.q")]
    [InlineData("""{"target_modules": ["q_proj"], "layers_to_transform": 1, "layers_pattern": ["blocks", "layers"]}""", "1.q")]
    [InlineData("""{"target_modules": ["q_proj", "v_proj"], "exclude_modules": ["0.self_attn.q_proj"]}""", "0.v 1.q 11.q")]
    [InlineData("""{}""", "0.q 0.v 1.q 11.q")]
    public void The_rules_choose_as_peft_does(string json, string expected)
    {
        ModuleMatch match = Match(json);
        Assert.Equal(expected, string.Join(' ', match.Adapted.Select(m => m.Path.Split('.')[2] + "." + m.Path.Split('.')[^1][..1])));
    }

    [Theory]
    [InlineData("""{"target_modules": ["unheard"]}""", "q_proj")]
    [InlineData("""{"target_modules": []}""", "target_modules")]
    [InlineData("""{"target_modules": "(q_proj"}""", "regular expression")]
    [InlineData("""{"target_modules": ["norm"]}""", "model.norm")]
    [InlineData("""{"target_modules": 7}""", "target_modules")]
    [InlineData("""{"target_modules": ["q_proj"], "layers_pattern": "layers"}""", "layers_to_transform")]
    [InlineData("""{"target_modules": ".*", "layers_to_transform": 1}""", "layers_to_transform")]
    [InlineData("""{"target_modules": ["q_proj"], "layers_to_transform": ["1"]}""", "layers_to_transform")]
    [InlineData("""{"target_modules": ["q_proj"], "exclude_modules": ["q_proj"]}""", "exclude_modules")]
    [InlineData("""{"target_modules": ["q_proj"], "rank_pattern": {"q_proj": 0}}""", "rank_pattern")]
    [InlineData("""{"target_modules": ["q_proj"], "alpha_pattern": {"q_proj": null}}""", "q_proj")]
    public void An_error_is_one_line_that_names_the_key(string json, string name)
    {
        BadFileException error = Assert.Throws<BadFileException>(() => Match(json));
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData(@"(\\w+\\.?)+!")]
    [InlineData(@"(?=(\\w+\\.?)+!).*")]
    [InlineData(@"((((a{1,200}){1,200}){1,200}){1,200}){1,200}")]
    [InlineData(@"(.*)*(.*)*(.*)*(.*)*(.*)*!\\1")]
    public void A_hostile_expression_takes_bounded_time(string pattern)
    {
        Stopwatch watch = Stopwatch.StartNew();
        Assert.Throws<BadFileException>(() => Match($$"""{"target_modules": "{{pattern}}"}"""));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"it took {watch.Elapsed}");
    }

    private static ModuleMatch Match(string json) =>
        new ModuleMatcher(new AdapterConfig((JsonObject)JsonNode.Parse(json)!, "config"), "llama", 4, 8).Match(Modules);
}
