using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Models.Tests.Architectures;
using Lorikeet.Models.Tests.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Tests.Loading;

[Collection(nameof(Alone))]
public sealed class ModelFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Path => folder.Path;

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.F16)]
    public void A_saved_model_loads_with_equal_bits(ElementType type)
    {
        foreach (ModelConfig config in (ModelConfig[])[TinyModel.Config, TinyModel.Qwen])
        {
            using LanguageModel model = TinyModel.Create(config, type);
            ModelWriter.Save(model, Path);
            using LanguageModel loaded = ModelLoader.Load(Path);
            Assert.Equal(model.WeightBytes, loaded.WeightBytes);
            Assert.Equal(TinyModel.Whole(model, TinyModel.Tokens(20)), TinyModel.Whole(loaded, TinyModel.Tokens(20)));
        }
    }

    [Fact]
    public void A_large_model_is_divided_and_an_older_single_file_does_not_hide_the_parts()
    {
        using LanguageModel old = TinyModel.Create(TinyModel.Config), model = ModelLoader.Create(TinyModel.Config, new CounterRandom(99));
        ModelWriter.Save(old, Path);
        ModelWriter.Save(model, Path, ElementType.F32, shardBytes: 40_000);
        Assert.True(Directory.GetFiles(Path, "model-0*.safetensors").Length > 2);
        using (LanguageModel loaded = ModelLoader.Load(Path))
        {
            Assert.Equal(TinyModel.Whole(model, TinyModel.Tokens(20)), TinyModel.Whole(loaded, TinyModel.Tokens(20)));
        }
        ModelWriter.Save(old, Path);
        using LanguageModel again = ModelLoader.Load(Path);
        Assert.Equal(TinyModel.Whole(old, TinyModel.Tokens(20)), TinyModel.Whole(again, TinyModel.Tokens(20)));
    }

    [Fact]
    public void Loading_converts_on_request()
    {
        using LanguageModel model = TinyModel.Create(TinyModel.Config);
        ModelWriter.Save(model, Path);
        using LanguageModel narrow = ModelLoader.Load(Path, new ModelLoadOptions { ConvertTo = ElementType.BF16 });
        Assert.Equal("bf16", narrow.Embedding.Weight.Format);
    }

    [Fact]
    public void A_missing_or_misshapen_tensor_is_named_with_what_was_expected()
    {
        using LanguageModel model = TinyModel.Create(TinyModel.Config);
        ModelWriter.Save(model, Path);
        string config = File.ReadAllText(Config);
        File.WriteAllText(Config, config.Replace("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4", StringComparison.Ordinal));
        Assert.Contains("model.layers.3.", Refusal(), StringComparison.Ordinal);
        File.WriteAllText(Config, config.Replace("\"intermediate_size\": 80", "\"intermediate_size\": 81", StringComparison.Ordinal));
        string message = Refusal();
        Assert.Contains("[80, 48]", message, StringComparison.Ordinal);
        Assert.Contains("[81, 48]", message, StringComparison.Ordinal);
        Assert.Contains("gate_proj", message, StringComparison.Ordinal);
        // An untied head that is not there.
        File.WriteAllText(Config, config.Replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false", StringComparison.Ordinal));
        Assert.Contains("lm_head.weight", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_tied_configuration_with_another_head_uses_both()
    {
        using LanguageModel model = TinyModel.Create(TinyModel.Config with { TieEmbeddings = false });
        ModelWriter.Save(model, Path);
        File.WriteAllText(Config, File.ReadAllText(Config).Replace("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true", StringComparison.Ordinal));
        using LanguageModel loaded = ModelLoader.Load(Path);
        Assert.False(loaded.Config.TieEmbeddings);
        Assert.Equal(TinyModel.Whole(model, TinyModel.Tokens(9)), TinyModel.Whole(loaded, TinyModel.Tokens(9)));
    }

    [Fact]
    public void Blocks_may_differ_in_width_where_the_configuration_says_so()
    {
        using LanguageModel model = ModelLoader.Build(TinyModel.Config with { PerLayerShapes = true }, new Narrowing());
        ModelWriter.Save(model, Path);
        using LanguageModel loaded = ModelLoader.Load(Path);
        Assert.Equal(24, ((LinearSite)loaded.Find("model.layers.1.self_attn.q_proj")!).Outputs);
        Assert.Equal(TinyModel.Whole(model, TinyModel.Tokens(9)), TinyModel.Whole(loaded, TinyModel.Tokens(9)));
        File.WriteAllText(Config, File.ReadAllText(Config).Replace("\"per_layer_shapes\": true", "\"per_layer_shapes\": false", StringComparison.Ordinal));
        Assert.Contains("layers.1.self_attn.q_proj", Refusal(), StringComparison.Ordinal);
    }

    private string Config => System.IO.Path.Combine(Path, "config.json");

    private string Refusal()
    {
        long before = Storage.LiveBytes;
        string message = Assert.Throws<BadFileException>(() => ModelLoader.Load(Path)).Message;
        Assert.Equal(before, Storage.LiveBytes);
        return message;
    }

    /// <summary>Random starts whose second block has half the heads and a third of the feed-forward.</summary>
    private sealed class Narrowing : ITensorSource
    {
        private readonly RandomSource inner = new(new CounterRandom(5), ElementType.F32, 0.2f);

        public bool Differ(string name, string other) => false;

        public int Rows(string name, int configured) => !name.Contains("layers.1.", StringComparison.Ordinal) ? configured
            : name.Contains("mlp", StringComparison.Ordinal) ? configured / 3 : configured / 2;

        public Weight Matrix(string name, int outputs, int inputs) => inner.Matrix(name, outputs, inputs);

        public Parameter Vector(string name, int length) => inner.Vector(name, length);
    }
}
