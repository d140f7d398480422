using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Models.Gguf;
using Lorikeet.Models.Tests.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Tests.Gguf;

public sealed class GgufModelTests : IDisposable
{
    private static readonly ModelConfig Small = new()
    {
        HiddenSize = 64,
        IntermediateSize = 96,
        Layers = 2,
        Heads = 4,
        KeyHeads = 2,
        HeadDim = 16,
        VocabularySize = 50,
        MaxPositions = 128,
        BeginId = 1,
        EndIds = [2],
    };

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<string> Kinds => ["gpt2", "gemma", "gemma2", "olmo2", "starcoder2", "llama", "mistral", "tied", "biases", "qwen2", "qwen3", "llama3", "linear", "yarn", "wide heads"];

    private static ModelConfig Config(string kind) => kind switch
    {
        "gpt2" => Other("gpt2", """{"n_embd": 64, "n_inner": 96, "n_layer": 2, "n_head": 4, "n_positions": 128, "vocab_size": 50, "layer_norm_epsilon": 0.00002}"""),
        "gemma" => Other("gemma", Rest + """, "head_dim": 32}"""),
        "gemma2" => Other("gemma2", Rest + """, "head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 24, "attn_logit_softcapping": 20.0, "final_logit_softcapping": 9.0}"""),
        "olmo2" => Other("olmo2", Rest + "}"),
        "starcoder2" => Other("starcoder2", Rest + """, "norm_epsilon": 0.00002, "sliding_window": null}"""),
        "llama" => Small,
        "mistral" => Small with { ModelType = "mistral" },
        "tied" => Small with { TieEmbeddings = true },
        "biases" => Small with { AttentionBias = true, OutputBias = true, MlpBias = true },
        "qwen2" => Small with { ModelType = "qwen2", AttentionBias = true },
        "qwen3" => Small with { ModelType = "qwen3", QueryKeyNorm = true },
        "llama3" => Small with { MaxPositions = 16_384, Rope = new RopeSettings { Theta = 500_000, Kind = RopeKind.Llama3, Factor = 8, OriginalPositions = 8192 } },
        "linear" => Small with { Rope = new RopeSettings { Kind = RopeKind.Linear, Factor = 4 } },
        "yarn" => Small with { Rope = new RopeSettings { Kind = RopeKind.Yarn, Factor = 4, OriginalPositions = 32, AttentionFactor = (0.1 * Math.Log(4)) + 1 } },
        _ => Small with { HeadDim = 32 },
    };

    private const string Rest =
        """{"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 50, "max_position_embeddings": 128, "rms_norm_eps": 0.00002""";

    private static ModelConfig Other(string type, string json)
    {
        System.Text.Json.Nodes.JsonObject config = System.Text.Json.Nodes.JsonNode.Parse(json)!.AsObject();
        config["model_type"] = type;
        using System.Text.Json.JsonDocument document = System.Text.Json.JsonDocument.Parse(config.ToJsonString());
        return ModelConfigFile.Parse(document.RootElement, "the test");
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_saved_model_comes_back(string kind)
    {
        ModelConfig config = Config(kind);
        using LanguageModel model = Random(config);
        GgufModelWriter.Save(model, folder["m.gguf"]);
        using LanguageModel back = ModelLoader.Load(folder["m.gguf"]);
        Assert.Equal(kind == "mistral" ? "llama" : config.ModelType, back.Config.ModelType);
        Assert.Equal(config.Rope, back.Config.Rope);
        Assert.Equal((config.MaxPositions, config.NormEps, config.TieEmbeddings), (back.Config.MaxPositions, back.Config.NormEps, back.Config.TieEmbeddings));
        Dictionary<string, float[]> expected = Values(model), got = Values(back);
        Assert.Equal(expected.Keys.Order(), got.Keys.Order());
        Assert.All(expected, pair => Assert.Equal(pair.Value, got[pair.Key]));
        Assert.Equal(Logits(model), Logits(back));
    }

    [Fact]
    public void Pairs_of_q_and_k_are_neighbours_in_the_file()
    {
        using LanguageModel model = Random(Small);
        GgufModelWriter.Save(model, folder["m.gguf"]);
        using GgufFile file = GgufFile.Open(folder["m.gguf"]);
        Weight q = model.Tensors.Single(t => t.Name == "model.layers.1.self_attn.q_proj.weight").Weight!;
        Assert.True(file.TryGet("blk.1.attn_q.weight", out GgufTensor? tensor));
        float[] stored = new float[64], expected = new float[64];
        foreach ((int inFile, int inFolder) in new[] { (0, 0), (1, 8), (2, 1), (3, 9), (15, 15), (16, 16), (17, 24), (63, 63) })
        {
            file.ReadSingle(tensor, inFile, stored);
            q.Read(inFolder, expected);
            Assert.Equal(expected, stored);
        }
    }

    [Theory]
    [InlineData("q8_0", "Q8_0", "Q8_0", "Q8_0")]
    [InlineData("q4_0", "Q4_0", "Q4_0", "Q6_K")]
    [InlineData("q4_k", "Q4_K", "Q4_K", "Q6_K")]
    [InlineData("iq4_xs", "IQ4_XS", "IQ4_XS", "Q6_K")]
    [InlineData("f16", "F16", "F16", "F16")]
    public void Matrices_are_quantised_and_kept_as_blocks(string format, string linear, string table, string head)
    {
        ModelConfig config = Small with { HiddenSize = 256, IntermediateSize = 256, HeadDim = 64 };
        using LanguageModel model = Random(config);
        GgufModelWriter.Save(model, folder["m.gguf"], new GgufSaveOptions { Format = WeightFormat.Find(format) });
        GgufModelWriter.Save(model, folder["one.gguf"], new GgufSaveOptions { Format = WeightFormat.Find("q4_0") });
        using (GgufFile file = GgufFile.Open(folder["m.gguf"]))
        {
            Dictionary<string, string> types = file.Tensors.ToDictionary(t => t.Name, t => t.TypeName);
            Assert.Equal((linear, table, head), (types["blk.0.attn_q.weight"], types["token_embd.weight"], types["output.weight"]));
            Assert.Equal("F32", types["output_norm.weight"]);
        }
        using LanguageModel loaded = ModelLoader.Load(folder["m.gguf"]);
        GgufModelWriter.Save(loaded, folder["again.gguf"]);
        // Blocks are written as they were read; only the file's own name for its type may differ.
        using GgufFile first = GgufFile.Open(folder["m.gguf"]), second = GgufFile.Open(folder["again.gguf"]);
        Assert.Equal(first.Tensors.Select(t => (t.Name, t.TypeId)), second.Tensors.Select(t => (t.Name, t.TypeId)));
        Assert.All(first.Tensors.Zip(second.Tensors), pair => Assert.True(first.Bytes(pair.First).SequenceEqual(second.Bytes(pair.Second)), pair.First.Name));
    }

    [Fact]
    public void Rows_that_are_no_whole_blocks_take_the_next_format()
    {
        using LanguageModel model = Random(Small with { HiddenSize = 48, HeadDim = 12 });
        GgufModelWriter.Save(model, folder["m.gguf"], new GgufSaveOptions { Format = WeightFormat.Find("q4_k") });
        using GgufFile file = GgufFile.Open(folder["m.gguf"]);
        Dictionary<string, string> types = file.Tensors.ToDictionary(t => t.Name, t => t.TypeName);
        Assert.Equal(("F32", "Q8_0"), (types["blk.0.attn_q.weight"], types["blk.0.ffn_down.weight"]));
    }

    [Theory]
    [InlineData("window", "sliding window")]
    [InlineData("dynamic", "dynamic")]
    [InlineData("nf4", "bitsandbytes")]
    public void What_a_file_cannot_hold_is_refused_by_name(string what, string message)
    {
        ModelConfig config = what switch
        {
            "window" => Small with { ModelType = "mistral", Windows = [16, 16] },
            "dynamic" => Small with { Rope = new RopeSettings { Kind = RopeKind.Dynamic, Factor = 2, OriginalPositions = 128 } },
            _ => Small,
        };
        using LanguageModel made = Random(config);
        GgufSaveOptions options = new() { Format = what == "nf4" ? WeightFormat.Find("nf4") : null };
        Assert.Contains(message, Assert.Throws<NotSupportedException>(() => GgufModelWriter.Save(made, folder["m.gguf"], options)).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData("general.architecture", "mamba", typeof(NotSupportedException), "mamba")]
    [InlineData("general.type", "adapter", typeof(BadFileException), "adapter")]
    [InlineData("split.count", (ushort)2, typeof(NotSupportedException), "split.count")]
    [InlineData("llama.expert_count", 8u, typeof(NotSupportedException), "expert")]
    [InlineData("llama.block_count", 3u, typeof(BadFileException), "blk.2.attn_norm.weight")]
    [InlineData("llama.block_count", 0u, typeof(BadFileException), "block_count")]
    [InlineData("llama.block_count", 16_000_000u, typeof(BadFileException), "num_hidden_layers")]
    [InlineData("llama.embedding_length", 65u, typeof(BadFileException), "65")]
    [InlineData("llama.embedding_length", "64", typeof(BadFileException), "embedding_length")]
    [InlineData("llama.attention.head_count", 3u, typeof(BadFileException), "heads")]
    [InlineData("llama.rope.freq_base", float.NaN, typeof(BadFileException), "freq_base")]
    [InlineData("llama.rope.scaling.type", "odd", typeof(NotSupportedException), "odd")]
    [InlineData("llama.rope.dimension_count", 8u, typeof(NotSupportedException), "rotated")]
    public void Metadata_that_makes_no_sense_is_refused_by_name(string key, object value, Type exception, string message)
    {
        using (LanguageModel model = Random(Small))
        {
            GgufModelWriter.Save(model, folder["m.gguf"]);
        }
        Change(metadata => metadata[key] = GgufValue.Of(value));
        Exception e = Assert.Throws(exception, () => ModelLoader.Load(folder["bad.gguf"]).Dispose());
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_too_many_or_too_few_is_refused_by_name()
    {
        using (LanguageModel model = Random(Small))
        {
            GgufModelWriter.Save(model, folder["m.gguf"]);
        }
        Change(_ => { }, tensors => tensors.RemoveAll(t => t.Name == "blk.1.ffn_up.weight"));
        Assert.Contains("blk.1.ffn_up.weight", Assert.Throws<BadFileException>(() => ModelLoader.Load(folder["bad.gguf"])).Message, StringComparison.Ordinal);
        Change(_ => { }, tensors => tensors.Add(new GgufTensorToWrite("blk.0.strange.weight", 0, [1], to => to.Write(new byte[4]))));
        Assert.Contains("blk.0.strange.weight", Assert.Throws<NotSupportedException>(() => ModelLoader.Load(folder["bad.gguf"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Divisors_that_no_four_numbers_give_become_a_list()
    {
        using (LanguageModel model = Random(Small))
        {
            GgufModelWriter.Save(model, folder["m.gguf"]);
        }
        float[] divisors = [1, 1, 1.5f, 2, 2, 3, 7, 8];
        Change(_ => { }, tensors => tensors.Add(new GgufTensorToWrite("rope_freqs.weight", 0, [8], to => to.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(divisors)))));
        using LanguageModel back = ModelLoader.Load(folder["bad.gguf"]);
        Assert.Equal(RopeKind.LongRope, back.Config.Rope.Kind);
        Assert.Equal(divisors.Select(d => (double)d), back.Config.Rope.ShortFactors);
        Assert.Equal(1, back.Config.Rope.AttentionFactor);
    }

    private void Change(Action<Dictionary<string, GgufValue>> change, Action<List<GgufTensorToWrite>>? tensors = null)
    {
        using GgufFile file = GgufFile.Open(folder["m.gguf"]);
        Dictionary<string, GgufValue> metadata = new(file.Metadata);
        change(metadata);
        List<GgufTensorToWrite> all = [.. file.Tensors.Select(t => new GgufTensorToWrite(t.Name, t.TypeId, t.Extents, to => to.Write(file.Bytes(t))))];
        tensors?.Invoke(all);
        GgufWriter.Write(folder["bad.gguf"], metadata, all);
    }

    private static LanguageModel Random(ModelConfig config) => ModelLoader.Create(config, new CounterRandom(5));

    private static Dictionary<string, float[]> Values(LanguageModel model) =>
        model.Tensors.ToDictionary(t => t.Name, t => t.Weight?.ToArray() ?? t.Vector!.Value.Span.ToArray());

    private static float[] Logits(LanguageModel model)
    {
        int[] ids = [1, 7, 3, 44, 20];
        using ModelRun run = new() { Rows = new Rows(ids.Length) };
        return model.Logits(run, model.Forward(run, Input.Of(ids))).Span.ToArray();
    }
}
