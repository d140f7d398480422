using System.Diagnostics;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;
using Lorikeet.Models.Tests.Architectures;
using Lorikeet.Models.Tests.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Tests.Loading;

/// <summary>Configurations that ask for the absurd: each loads or is refused in one line, in bounded time and memory.</summary>
[Collection(nameof(Alone))]
public sealed class HostileConfigTests
{
    public static TheoryData<string> Names => TinyArchitectures.Names;

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
    [InlineData("gpt2", "n_head", "5", "n_embd 48 over 5 n_head")]
    [InlineData("gpt2", "n_positions", "2147483000", "transformer.wpe.weight is [256, 48]")]
    [InlineData("gpt2", "add_cross_attention", "true", "add_cross_attention")]
    [InlineData("opt", "word_embed_proj_dim", "0", "word_embed_proj_dim is 0")]
    [InlineData("opt", "layer_norm_elementwise_affine", "false", "layer_norm_elementwise_affine")]
    [InlineData("opt", "activation_function", "\"mi\\u0000sh\"", "activation_function mi sh is not built")]
    [InlineData("gptj", "rotary_dim", "5", "rotary_dim is 5")]
    [InlineData("gpt_neox", "rotary_pct", "0.01", "0.01 of a head of 8 elements")]
    [InlineData("falcon, two norms", "num_kv_heads", "4", "expected a whole number of heads")]
    [InlineData("falcon, two norms", "parallel_attn", "false", "parallel_attn")]
    [InlineData("starcoder2", "sliding_window", "0", "sliding_window is 0")]
    [InlineData("bloom", "n_layer", "1000000000", "n_layer is 1000000000")]
    public void What_makes_no_sense_is_named(string name, string key, string value, string message)
    {
        using TemporaryFolder folder = new();
        JsonObject config = Save(name, folder.Path);
        config[key] = JsonNode.Parse(value);
        Exception refused = Load(folder.Path, config) ?? throw new InvalidOperationException("it loaded");
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Any_number_of_any_key_loads_or_is_refused_in_one_line(string name)
    {
        using TemporaryFolder folder = new();
        JsonObject config = Save(name, folder.Path);
        string[] values =
        [
            "0", "-1", "1", "3", "7", "1000000000", "2147483647", "9223372036854775807", "1e300", "1e400", "0.5", "null", "\"x\"", "\"\\u0000\\n\"", "[]", "[1]", "[null]", "{}",
            "true", "false", "{\"rope_type\": 5}", "{\"rope_type\": \"yarn\"}", "{\"factor\": -1}",
        ];
        string[] more = ["num_key_value_heads", "head_dim", "layer_types", "sliding_window", "rope_scaling", "rope_parameters", "quantization_config", "partial_rotary_factor"];
        long live = Storage.LiveBytes;
        Stopwatch watch = Stopwatch.StartNew();
        foreach (string key in config.Select(e => e.Key).Concat(more).Distinct().ToArray())
        {
            foreach (string value in values)
            {
                JsonObject changed = (JsonObject)config.DeepClone();
                changed[key] = JsonNode.Parse(value);
                long before = GC.GetAllocatedBytesForCurrentThread();
                Load(folder.Path, changed);
                long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                Assert.True(allocated < 100_000_000, $"{key} = {value}: {allocated} bytes");
            }
            Assert.Equal(live, Storage.LiveBytes);
        }
        Assert.True(watch.Elapsed < TimeSpan.FromMinutes(1), $"{watch.Elapsed} for all");
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
            using ModelRun run = new() { Rows = new Rows(2) };
            model.Logits(run, model.Forward(run, Input.Of([1, 2])));
            return null;
        }
        catch (Exception e) when (e is BadFileException or NotSupportedException)
        {
            Assert.DoesNotContain(e.Message, char.IsControl);
            return e;
        }
    }
}
