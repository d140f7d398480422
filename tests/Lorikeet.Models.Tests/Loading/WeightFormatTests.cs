using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Models.Tests.Architectures;
using Lorikeet.Models.Tests.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Tests.Loading;

[Collection(nameof(Alone))]
public sealed class WeightFormatTests : IDisposable
{
    // Rows of 256, of 64 (whole blocks of 32 only) and of 40 (none).
    private static readonly ModelConfig Wide = TinyModel.Config with { HiddenSize = 256, IntermediateSize = 64, Heads = 5, KeyHeads = 1, HeadDim = 8, Layers = 2 };
    private readonly TemporaryFolder folder = new();

    private string Path => folder.Path;

    private string Config => System.IO.Path.Combine(Path, "config.json");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("q8_0", "q8_0", "q8_0", "f32", "q8_0")]
    [InlineData("q4_0", "q4_0", "q4_0", "f32", "q6_k")]
    [InlineData("q4_k", "q4_k", "q8_0", "f32", "q6_k")]
    [InlineData("q6_k", "q6_k", "q8_0", "f32", "q6_k")]
    [InlineData("q2_k", "q2_k", "q8_0", "f32", "q6_k")]
    [InlineData("iq4_nl", "iq4_nl", "iq4_nl", "f32", "q6_k")]
    [InlineData("nf4", "nf4", "nf4", "nf4", "f32")]
    [InlineData("nf4-double", "nf4-double", "nf4-double", "nf4-double", "f32")]
    [InlineData("bf16", "bf16", "bf16", "bf16", "bf16")]
    public void Each_matrix_takes_the_format_or_the_nearest_that_fits_its_rows(string name, string of256, string of64, string of40, string table)
    {
        using LanguageModel model = ModelLoader.Create(Wide, new CounterRandom(1), WeightFormat.Find(name));
        Assert.Equal(of256, Format("model.layers.0.mlp.gate_proj"));
        Assert.Equal(of64, Format("model.layers.1.mlp.down_proj"));
        Assert.Equal(of40, Format("model.layers.0.self_attn.o_proj"));
        Assert.Equal(table, model.Embedding.Weight.Format);
        Assert.Same(model.Embedding.Weight, model.Head.Sites[0].Weight);
        using LanguageModel untied = ModelLoader.Create(Wide with { TieEmbeddings = false }, new CounterRandom(1), WeightFormat.Find(name));
        Assert.Equal(table, untied.Head.Sites[0].Weight.Format);
        Assert.Equal(name.StartsWith("nf4", StringComparison.Ordinal) ? "f32" : of256, untied.Embedding.Weight.Format);

        string Format(string site) => ((LinearSite)model.Find(site)!).Weight.Format;
    }

    [Fact]
    public void Converting_frees_what_it_replaces()
    {
        long before = Storage.LiveBytes;
        using (LanguageModel model = ModelLoader.Create(Wide, new CounterRandom(1), WeightFormat.Find("q8_0")))
        {
            Assert.Equal(before + model.WeightBytes, Storage.LiveBytes);
        }
        Assert.Equal(before, Storage.LiveBytes);
    }

    [Theory]
    // Of normal weights each format loses a share (step^2 / 12 for a step of largest / levels): 2.3e-5 of Q8_0, 4.6e-4 of Q6_K, 0.009 of NF4, and the coded
    // activations 2.3e-5; some ten products follow one another. Twice that is allowed.
    [InlineData("q8_0", 0.001)]
    [InlineData("q6_k", 0.009)]
    [InlineData("q4_k", 0.1)]
    [InlineData("nf4", 0.18)]
    public void A_quantised_model_answers_nearly_as_before_and_rows_do_not_depend_on_their_neighbours(string name, double allowed)
    {
        using LanguageModel plain = ModelLoader.Build(Wide, new RandomSource(new CounterRandom(7), ElementType.F32, 0.06f));
        using LanguageModel model = ModelLoader.Build(Wide, new RandomSource(new CounterRandom(7), ElementType.F32, 0.06f), WeightFormat.Find(name));
        int[][] sequences = [TinyModel.Tokens(20), TinyModel.Tokens(9, 2), TinyModel.Tokens(1, 3)];
        float[][] exact = TinyModel.Whole(plain, null, false, sequences), together = TinyModel.Whole(model, null, false, sequences);
        double error = 0, size = 0;
        for (int i = 0; i < sequences.Length; i++)
        {
            Assert.Equal(TinyModel.Whole(model, null, false, sequences[i])[0], together[i]);
            for (int j = 0; j < exact[i].Length; j++)
            {
                error += Math.Pow(exact[i][j] - together[i][j], 2);
                size += Math.Pow(exact[i][j], 2);
            }
        }
        // The mean square error as a share of the mean square: one number that a few unlucky logits do not decide.
        Assert.True(error / size <= allowed, $"{name}: {error / size:G3}, allowed {allowed}");
    }

    [Theory]
    [InlineData("nf4")]
    [InlineData("nf4-double")]
    [InlineData("fp4")]
    [InlineData("fp4-double")]
    public void A_model_in_four_bits_is_saved_and_loaded_with_equal_bits(string name)
    {
        using LanguageModel model = ModelLoader.Build(TinyModel.Config, new RandomSource(new CounterRandom(7), ElementType.F32, 0.2f), WeightFormat.Find(name));
        ModelWriter.Save(model, Path);
        JsonNode quantised = JsonNode.Parse(File.ReadAllText(Config))!["quantization_config"]!;
        Assert.Equal("bitsandbytes", (string?)quantised["quant_method"]);
        Assert.Equal(name[..3], (string?)quantised["bnb_4bit_quant_type"]);
        Assert.Equal(name.EndsWith("double", StringComparison.Ordinal), (bool)quantised["bnb_4bit_use_double_quant"]!);
        using (LanguageModel loaded = ModelLoader.Load(Path))
        {
            Assert.Equal(model.WeightBytes, loaded.WeightBytes);
            Assert.Equal(TinyModel.Whole(model, TinyModel.Tokens(20)), TinyModel.Whole(loaded, TinyModel.Tokens(20)));
            // Saved in another format, nothing says that it was quantised.
            ModelWriter.Save(loaded, Path, ElementType.F32);
        }
        Assert.DoesNotContain("quantization_config", File.ReadAllText(Config), StringComparison.Ordinal);
        using LanguageModel plain = ModelLoader.Load(Path);
        Assert.Equal(TinyModel.Whole(model, TinyModel.Tokens(20)), TinyModel.Whole(plain, TinyModel.Tokens(20)));
    }

    [Fact]
    public void Other_quantisations_are_refused_by_name()
    {
        using LanguageModel model = TinyModel.Create(TinyModel.Config);
        ModelWriter.Save(model, Path);
        JsonNode config = JsonNode.Parse(File.ReadAllText(Config))!;
        foreach ((string json, string named) in ((string, string)[])
            [
                ("{\"quant_method\": \"gptq\", \"bits\": 4}", "gptq"),
                ("{\"quant_method\": \"awq\"}", "awq"),
                ("{\"quant_method\": \"bitsandbytes\", \"load_in_8bit\": true}", "8 bits"),
                ("{}", "of unknown name"),
                ("[]", "of unknown name"),
            ])
        {
            config["quantization_config"] = JsonNode.Parse(json);
            File.WriteAllText(Config, config.ToJsonString());
            Assert.Contains(named, Assert.Throws<NotSupportedException>(() => ModelLoader.Load(Path)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Weights_that_are_too_large_for_a_format_are_named()
    {
        using LanguageModel model = ModelLoader.Build(Wide, new RandomSource(new CounterRandom(7), ElementType.F32, 1e8f));
        ModelWriter.Save(model, Path);
        long before = Storage.LiveBytes;
        string message = Assert.Throws<BadFileException>(() => ModelLoader.Load(Path, new ModelLoadOptions { ConvertTo = WeightFormat.Find("q8_0") })).Message;
        Assert.Contains("embed_tokens", message, StringComparison.Ordinal);
        Assert.Contains("q8_0", message, StringComparison.Ordinal);
        Assert.Equal(before, Storage.LiveBytes);
    }

    [Theory]
    [InlineData(".absmax", "absmax")]
    [InlineData(".quant_map", "quant_map")]
    [InlineData(".nested_absmax", "nested_absmax")]
    [InlineData(".nested_quant_map", "nested_quant_map")]
    public void A_tensor_of_a_coded_matrix_that_is_missing_or_misshapen_is_named(string end, string named)
    {
        foreach (bool missing in (bool[])[true, false])
        {
            Write(t => !t.Name.EndsWith(end, StringComparison.Ordinal) ? t : missing ? null : t with { Shape = [t.Shape[0] - 1], Write = to => Shorter(t, to) });
            Assert.Contains(named, Assert.Throws<BadFileException>(() => ModelLoader.Load(Path)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("", "quant_state")]
    [InlineData("[1]", "quant_state")]
    [InlineData("{\"quant_type\": \"fp4\", \"blocksize\": 64, \"shape\": [48, 48]}", "fp4")]
    [InlineData("{\"quant_type\": \"nf4\", \"blocksize\": 0, \"shape\": [48, 48]}", "blocksize")]
    [InlineData("{\"quant_type\": \"nf4\", \"blocksize\": 1e30, \"shape\": [48, 48]}", "blocksize")]
    [InlineData("{\"quant_type\": \"nf4\", \"blocksize\": 64, \"shape\": [48, 1000000000]}", "shape")]
    [InlineData("{\"quant_type\": \"nf4\", \"blocksize\": 64, \"shape\": [-48, 48]}", "shape")]
    [InlineData("{\"quant_type\": \"nf4\", \"blocksize\": 64, \"shape\": [48, 48], \"nested_blocksize\": 3}", "")]
    public void A_state_that_makes_no_sense_is_refused(string state, string named)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(state);
        Write(t => t.Name.EndsWith("q_proj.weight.quant_state.bitsandbytes__nf4", StringComparison.Ordinal) ? t with { Shape = [bytes.Length], Write = to => to.Write(bytes) } : t);
        Assert.Contains(named, Assert.Throws<BadFileException>(() => ModelLoader.Load(Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Scales_that_are_not_finite_are_refused()
    {
        Write(t => t.Name.EndsWith(".nested_absmax", StringComparison.Ordinal) ? t with { Write = to => to.Write(BitConverter.GetBytes(float.NaN)) } : t);
        Assert.Contains("NaN", Assert.Throws<BadFileException>(() => ModelLoader.Load(Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Eight_bits_of_bitsandbytes_are_refused_by_name()
    {
        using LanguageModel model = TinyModel.Create(TinyModel.Config);
        ModelWriter.Save(model, Path);
        List<TensorToWrite> tensors = Stored();
        tensors.Add(TensorToWrite.Single("model.layers.0.self_attn.q_proj.SCB", [48], new float[48]));
        SafetensorsWriter.Write(System.IO.Path.Combine(Path, "model.safetensors"), new Dictionary<string, string>(), tensors);
        Assert.Contains("LLM.int8", Assert.Throws<NotSupportedException>(() => ModelLoader.Load(Path)).Message, StringComparison.Ordinal);
    }

    // A model in nf4-double with some tensors changed, or left out (null).
    private void Write(Func<TensorToWrite, TensorToWrite?> change)
    {
        using LanguageModel model = ModelLoader.Build(TinyModel.Config, new RandomSource(new CounterRandom(7)), WeightFormat.Find("nf4-double"));
        ModelWriter.Save(model, Path);
        List<TensorToWrite> tensors = [.. Stored().Select(change).OfType<TensorToWrite>()];
        SafetensorsWriter.Write(System.IO.Path.Combine(Path, "model.safetensors"), new Dictionary<string, string>(), tensors);
    }

    private List<TensorToWrite> Stored()
    {
        using SafetensorsFile file = SafetensorsFile.Open(System.IO.Path.Combine(Path, "model.safetensors"));
        List<TensorToWrite> tensors = [];
        foreach (StoredTensor tensor in file.Tensors)
        {
            byte[] bytes = file.Bytes(tensor).ToArray();
            tensors.Add(new TensorToWrite(tensor.Name, tensor.Type, tensor.Shape, to => to.Write(bytes)));
        }
        return tensors;
    }

    private static void Shorter(TensorToWrite tensor, Stream to)
    {
        using MemoryStream whole = new();
        tensor.Write(whole);
        to.Write(whole.GetBuffer().AsSpan(0, (int)whole.Length - tensor.Type.Size()));
    }
}
