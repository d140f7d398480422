using System.Text.Json.Nodes;
using Lorikeet.Models.Files;
using Lorikeet.Models.Tests.Architectures;
using Lorikeet.Models.Tests.Files;

namespace Lorikeet.Models.Tests.Loading;

/// <summary>What some architectures alone have in their configurations, with values that make no sense: the message names key and value.</summary>
public sealed class RefusedConfigTests
{
    [Theory]
    [InlineData("mixtral", "num_local_experts", "1000000000", "num_local_experts is 1000000000")]
    [InlineData("mixtral", "num_local_experts", "0", "num_local_experts is 0")]
    [InlineData("mixtral", "num_experts_per_tok", "6", "num_experts_per_tok is 6 of 5 experts")]
    [InlineData("qwen3_moe", "num_experts_per_tok", "-1", "num_experts_per_tok is -1")]
    [InlineData("qwen2_moe", "mlp_only_layers", "[7]", "mlp_only_layers names block 7")]
    [InlineData("qwen2_moe", "shared_expert_intermediate_size", "2147483648", "shared_expert_intermediate_size is 2147483648")]
    [InlineData("gemma2", "sliding_window", "-4", "sliding_window is -4")]
    [InlineData("gemma2", "sliding_window", "0", "sliding_window is 0")]
    [InlineData("gemma2", "attn_logit_softcapping", "-1", "attn_logit_softcapping is -1")]
    [InlineData("gemma2", "query_pre_attn_scalar", "0", "query_pre_attn_scalar is 0")]
    [InlineData("gemma3_text", "rope_local_base_freq", "0", "rope_local_base_freq is 0")]
    [InlineData("gemma3_text", "use_bidirectional_attention", "true", "use_bidirectional_attention")]
    [InlineData("phi3", "sliding_window", "0", "sliding_window is 0")]
    [InlineData("phi3, longrope", "rope_scaling", """{"rope_type":"longrope","short_factor":[1],"long_factor":[1],"factor":2}""", "1 short and 1 long factors; expected 4 of each")]
    [InlineData("phi3, longrope", "rope_scaling", """{"rope_type":"longrope","short_factor":[1,1,1,0],"long_factor":[1,1,1,1],"factor":2}""", "short_factor is 0")]
    [InlineData("phi3, longrope", "rope_scaling", """{"rope_type":"longrope","short_factor":[],"long_factor":[],"factor":2}""", "short_factor holds 0 numbers")]
    [InlineData("granite", "logits_scaling", "0", "logits_scaling is 0")]
    [InlineData("granite", "attention_multiplier", "1e400", "attention_multiplier")]
    [InlineData("cohere", "logit_scale", "\"x\"", "logit_scale is \"x\"")]
    [InlineData("stablelm", "partial_rotary_factor", "0.001", "expected an even number from 2")]
    public void What_makes_no_sense_is_named(string name, string key, string value, string message)
    {
        using TemporaryFolder folder = new();
        JsonObject config = Save(name, folder.Path);
        config[key] = JsonNode.Parse(value);
        Exception refused = Load(folder.Path, config) ?? throw new InvalidOperationException("it loaded");
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    private static JsonObject Save(string name, string folder)
    {
        using LanguageModel model = TinyArchitectures.Create(name);
        ModelWriter.Save(model, folder);
        return JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
    }

    private static Exception? Load(string folder, JsonObject config)
    {
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        try
        {
            using LanguageModel model = ModelLoader.Load(folder);
            return null;
        }
        catch (Exception e) when (e is BadFileException or NotSupportedException)
        {
            Assert.DoesNotContain('\n', e.Message);
            return e;
        }
    }
}
