using System.Text;
using System.Text.Json;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Testing;

namespace Lorikeet.Models.Tests.Loading;

public sealed class ModelConfigTests
{
    private const string Sizes =
        """ "hidden_size": 64, "intermediate_size": 100, "num_hidden_layers": 4, "num_attention_heads": 8, "vocab_size": 50 """;

    private static ModelConfig Parse(string type, string more = "") => ParseText($$"""{"model_type": "{{type}}", {{Sizes}} {{more}}}""");

    private static ModelConfig ParseText(string json)
    {
        using JsonDocument document = SafeJson.Parse(Encoding.UTF8.GetBytes(json), "config.json");
        return ModelConfigFile.Parse(document.RootElement, "config.json");
    }

    [Fact]
    public void Missing_keys_have_the_defaults_of_their_class()
    {
        ModelConfig llama = Parse("llama");
        Assert.Equal((8, 8, 2048, 1e-6f, 10000.0, false), (llama.KeyHeads, llama.HeadDim, llama.MaxPositions, llama.NormEps, llama.Rope.Theta, llama.TieEmbeddings));
        Assert.False(llama.AttentionBias || llama.OutputBias || llama.MlpBias);

        ModelConfig mistral = Parse("mistral");
        Assert.Equal((8, 4096), (mistral.KeyHeads, mistral.Window(3)));
        Assert.Equal(0, Parse("mistral", """, "sliding_window": null""").Window(0));

        ModelConfig qwen2 = Parse("qwen2", """, "num_key_value_heads": 2, "sliding_window": 16""");
        Assert.True(qwen2.AttentionBias && !qwen2.OutputBias);
        Assert.Equal(0, qwen2.Window(3));
        // The class default of 32 key heads does not fit 8 heads.
        Assert.Throws<BadFileException>(() => Parse("qwen2"));
        Assert.Equal(8, Parse("qwen2", """, "num_key_value_heads": null""").KeyHeads);

        ModelConfig qwen3 = Parse("qwen3", """, "num_key_value_heads": 4""");
        Assert.Equal((128, true, false), (qwen3.HeadDim, qwen3.QueryKeyNorm, qwen3.AttentionBias));

        ModelConfig gemma = Parse("gemma", """, "num_key_value_heads": 4, "hidden_act": "gelu" """);
        Assert.Equal((256, true, Kernels.ActivationKind.GeluTanh), (gemma.HeadDim, gemma.TieEmbeddings, gemma.Activation));
        Assert.Equal([4096, 0, 4096, 0], Parse("gemma2").Windows);
        Assert.Equal([0, 0, 0, 0], Parse("gemma2", """, "sliding_window": null""").Windows);
        ModelConfig gemma3 = Parse("gemma3_text", """, "sliding_window_pattern": 2, "sliding_window": 8""");
        Assert.Equal((1_000_000.0, true), (gemma3.Rope.Theta, gemma3.QueryKeyNorm));
        Assert.Equal([8, 0, 8, 0], gemma3.Windows);
        Assert.Equal([4096, 4096, 4096, 4096], Parse("gemma3_text").Windows);

        ModelConfig mixtral = Parse("mixtral");
        Assert.Equal((8, 1_000_000.0, 1e-5f, 0, false), (mixtral.KeyHeads, mixtral.Rope.Theta, mixtral.NormEps, mixtral.Window(0), mixtral.TieEmbeddings));
        Assert.True(Parse("qwen2_moe", """, "num_key_value_heads": 2""").AttentionBias);
        Assert.Equal((4, 8, false), (Parse("qwen3_moe").KeyHeads, Parse("qwen3_moe").HeadDim, Parse("qwen3_moe").AttentionBias));

        ModelConfig cohere = Parse("cohere");
        Assert.Equal((500_000.0, 1e-5f, true), (cohere.Rope.Theta, cohere.NormEps, cohere.TieEmbeddings));
        Assert.Equal((2, false), (Parse("stablelm", """, "num_key_value_heads": 8""").RotaryDim, Parse("stablelm", """, "num_key_value_heads": 8""").AttentionBias));
        Assert.Equal((1e-5f, 0), (Parse("phi3").NormEps, Parse("phi3").Window(0)));
        Assert.Equal((1e-5f, 1e-6f), (Parse("olmo2").NormEps, Parse("granite").NormEps));

        ModelConfig smollm3 = Parse("smollm3");
        Assert.Equal((2_000_000.0, true), (smollm3.Rope.Theta, smollm3.TieEmbeddings));
        Assert.Equal([true, true, true, false], smollm3.RopeLayers);
    }

    [Theory]
    [InlineData("\"rope_type\": \"longrope\"")]
    [InlineData("\"type\": \"su\"")]
    [InlineData("\"type\": \"yarn\"")]
    public void Longrope_has_older_names_and_takes_its_factor_from_the_lengths(string kind)
    {
        RopeSettings rope = Parse("phi3", $$"""
            , "max_position_embeddings": 4096, "original_max_position_embeddings": 1024,
            "rope_scaling": {{{kind}}, "short_factor": [1, 1, 1, 1], "long_factor": [1, 2, 3, 4]}
            """).Rope;
        Assert.Equal((RopeKind.LongRope, 4.0, 1024), (rope.Kind, rope.Factor, rope.OriginalPositions));
        Assert.Equal(Math.Sqrt(1 + (Math.Log(4) / Math.Log(1024))), rope.AttentionFactor, 12);
        Assert.Equal([1, 2, 3, 4], rope.LongFactors);
    }

    [Fact]
    public void A_model_of_text_and_images_is_refused_with_what_is_inside()
    {
        NotSupportedException refusal = Assert.Throws<NotSupportedException>(() => ParseText("""{"model_type": "gemma3", "text_config": {"model_type": "gemma3_text"}, "vision_config": {}}"""));
        Assert.Contains("gemma3_text", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("text_config", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Windows_follow_layer_types_alone_where_they_are_given()
    {
        const string Window = """, "num_key_value_heads": 2, "use_sliding_window": true, "sliding_window": 9, "max_window_layers": 2""";
        Assert.Equal([0, 0, 9, 9], Parse("qwen2", Window).Windows);
        Assert.Equal(
            [9, 0, 0, 9],
            Parse("qwen2", Window + """, "layer_types": ["sliding_attention", "full_attention", "full_attention", "sliding_attention"]""").Windows);
        Assert.Contains("linear_attention", Assert.Throws<NotSupportedException>(() => Parse(
            "qwen2", Window + """, "layer_types": ["linear_attention", "full_attention", "full_attention", "full_attention"]""")).Message, StringComparison.Ordinal);
        Assert.Throws<BadFileException>(() => Parse("qwen2", Window + """, "layer_types": ["full_attention"]"""));
    }

    [Theory]
    [InlineData("\"num_hidden_layers\": 1000000000000000000")]
    [InlineData("\"num_hidden_layers\": 1e30")]
    [InlineData("\"num_hidden_layers\": -1")]
    [InlineData("\"num_hidden_layers\": 2.5")]
    [InlineData("\"num_hidden_layers\": \"NaN\"")]
    [InlineData("\"num_attention_heads\": 0")]
    [InlineData("\"num_attention_heads\": 5")]
    [InlineData("\"num_attention_heads\": null")]
    [InlineData("\"num_key_value_heads\": 3")]
    [InlineData("\"hidden_size\": 99999999999")]
    [InlineData("\"vocab_size\": []")]
    [InlineData("\"rms_norm_eps\": -1")]
    [InlineData("\"rms_norm_eps\": 1e999")]
    [InlineData("\"rope_theta\": 0")]
    [InlineData("\"head_dim\": 7")]
    [InlineData("\"head_dim\": 1000000")]
    [InlineData("\"head_dim\": 514")]
    [InlineData("\"num_attention_heads\": 2048, \"num_key_value_heads\": 1, \"head_dim\": 2")]
    [InlineData("\"tie_word_embeddings\": 1")]
    [InlineData("\"eos_token_id\": [1, \"2\"]")]
    [InlineData("\"max_position_embeddings\": 0")]
    [InlineData("\"rope_scaling\": []")]
    [InlineData("\"rope_scaling\": {\"rope_type\": \"linear\"}")]
    [InlineData("\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 0}")]
    [InlineData("\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4, \"high_freq_factor\": 4}")]
    [InlineData("\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 8, \"original_max_position_embeddings\": -3}")]
    public void A_hostile_value_is_refused_in_one_line(string entry)
    {
        string key = entry.Split('"')[1];
        Dictionary<string, string> entries = new()
        {
            ["model_type"] = "\"model_type\": \"llama\"",
            ["hidden_size"] = "\"hidden_size\": 64",
            ["intermediate_size"] = "\"intermediate_size\": 100",
            ["num_hidden_layers"] = "\"num_hidden_layers\": 4",
            ["num_attention_heads"] = "\"num_attention_heads\": 8",
            ["vocab_size"] = "\"vocab_size\": 50",
        };
        entries[key] = entry;
        BadFileException refusal = Assert.Throws<BadFileException>(() => ParseText("{" + string.Join(", ", entries.Values) + "}"));
        Assert.DoesNotContain('\n', refusal.Message);
        Assert.Contains("expected", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"model_type\": \"albert\"", "model_type albert is not built yet")]
    [InlineData("\"hidden_act\": \"mish\"", "hidden_act mish")]
    [InlineData("\"quantization_config\": {\"quant_method\": \"gptq\"}", "gptq")]
    [InlineData("\"rope_scaling\": {\"rope_type\": \"ntk\", \"factor\": 2}", "rope_type ntk")]
    [InlineData("\"rope_parameters\": {\"rope_type\": \"default\", \"partial_rotary_factor\": 0.5}", "partial_rotary_factor")]
    public void What_is_not_built_is_refused_by_its_name(string entry, string name)
    {
        string type = entry.Contains("model_type", StringComparison.Ordinal) ? "" : "\"model_type\": \"llama\", ";
        NotSupportedException refusal = Assert.Throws<NotSupportedException>(() => ParseText($$"""{{{type}}{{entry}}, {{Sizes}}}"""));
        Assert.Contains(name, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("not built", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Writing_keeps_unknown_keys_and_says_what_changed()
    {
        ModelConfig config = Parse("llama", """, "my_key": {"a": [1]}, "eos_token_id": [3, 4], "rope_scaling": {"type": "linear", "factor": 2}""");
        ModelConfig again = ParseText(ModelConfigFile.Write(config with { Layers = 2, TieEmbeddings = true, StoredType = ElementType.F16, EndIds = [7] }));
        Assert.Equal((2, true, ElementType.F16), (again.Layers, again.TieEmbeddings, again.StoredType));
        Assert.Equal([7], again.EndIds);
        Assert.Equal(config.Rope, again.Rope);
        Assert.Equal("""{"a":[1]}""", again.Source!["my_key"]!.ToJsonString());
    }

    [Fact]
    public void Configurations_made_in_code_are_written_whole()
    {
        foreach (ModelConfig config in (ModelConfig[])[ModelConfig.S, ModelConfig.M, Architectures.TinyModel.Config, Architectures.TinyModel.Qwen])
        {
            ModelConfig again = ParseText(ModelConfigFile.Write(config));
            Assert.Equal(config with { Source = null, Windows = [], RopeLayers = [], EndIds = [] }, again with { Source = null, Windows = [], RopeLayers = [], EndIds = [] });
            Assert.All(Enumerable.Range(0, config.Layers), i => Assert.Equal(config.Window(i), again.Window(i)));
        }
    }

    [Fact]
    public void What_a_model_type_cannot_say_is_not_lost_in_silence() =>
        Assert.Throws<NotSupportedException>(() => ModelConfigFile.Write(Architectures.TinyModel.Config with { QueryKeyNorm = true }));

    [SharedFact("parity/models")]
    public void Both_forms_of_a_configuration_say_the_same()
    {
        int seen = 0;
        foreach (string folder in Directory.EnumerateDirectories(SharedFiles.Path("parity/models")!))
        {
            foreach (string other in Directory.EnumerateFiles(folder, "config.?x.json"))
            {
                ModelConfig a;
                try
                {
                    a = ModelConfigFile.Read(folder);
                }
                catch (NotSupportedException)
                {
                    continue;
                }
                ModelConfig b = ModelConfigFile.Read(other);
                Assert.Equal(a with { Source = null, Windows = [], RopeLayers = [], EndIds = [] }, b with { Source = null, Windows = [], RopeLayers = [], EndIds = [] });
                Assert.All(Enumerable.Range(0, a.Layers), i => Assert.Equal((a.Window(i), a.HasRope(i)), (b.Window(i), b.HasRope(i))));
                Assert.Equal(a.EndIds, b.EndIds);
                seen++;
            }
        }
        Assert.True(seen >= 10, $"{seen} configurations were read");
    }
}
