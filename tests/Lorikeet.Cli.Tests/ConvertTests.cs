using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

[Collection("console")]
public sealed class ConvertTests : IDisposable
{
    private static readonly int[] Ids = [1, 72, 101, 108, 200, 3];

    private readonly TemporaryFolder folder = new();
    private readonly string model;

    public ConvertTests() => model = TinyFiles.Model(folder["m"]);

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(Kernels.ElementType.F32)]
    [InlineData(Kernels.ElementType.BF16)]
    [InlineData(Kernels.ElementType.F16)]
    public void A_model_goes_there_and_back(Kernels.ElementType type)
    {
        string own = TinyFiles.Model(folder["own"], type);
        Cli.Run("convert", own, folder["m.gguf"]).Done();
        CliResult back = Cli.Run("convert", folder["m.gguf"], folder["back"]).Done();
        Assert.StartsWith($"wrote {folder["back"]}: ", back.Output, StringComparison.Ordinal);
        Assert.Equal(Tensors(own), Tensors(folder["back"]));
        Assert.Equal(Logits(own), Logits(folder["m.gguf"]));
        Tokenizer before = Tokenizer.Load(own), file = Tokenizer.Load(folder["m.gguf"]), after = Tokenizer.Load(folder["back"]);
        foreach (string text in (string[])["Hello wörld 🚀", "", "<|endoftext|>a"])
        {
            Assert.Equal(before.Encode(text), file.Encode(text));
            Assert.Equal(before.Encode(text), after.Encode(text));
        }
        Assert.Equal(["back", "m", "m.gguf", "own"], Directory.EnumerateFileSystemEntries(folder.Path).Select(e => Path.GetFileName(e)!).Order());
    }

    [Fact]
    public void The_file_is_a_model_everywhere()
    {
        Cli.Run("convert", model, folder["m.gguf"]).Done();
        string adapter = TinyFiles.Adapter(folder["a"], model);
        string[] generate = ["generate", "--prompt", "Hello", "--max-tokens", "8", "--ignore-end", "--adapter", adapter, "--model"];
        Assert.Equal(Cli.Run([.. generate, model]).Done().Output, Cli.Run([.. generate, folder["m.gguf"]]).Done().Output);
        Assert.Contains("model_type llama", Cli.Run("inspect", folder["m.gguf"]).Done().Output, StringComparison.Ordinal);
        Assert.Contains("adapted", Cli.Run("inspect", adapter, "--model", folder["m.gguf"]).Done().Output, StringComparison.Ordinal);
        Cli.Run("merge", "--model", folder["m.gguf"], "--adapter", adapter, "--out", folder["merged"]).Done();
        Assert.True(File.Exists(folder["merged/tokenizer.json"]));
        Cli.Run("convert", folder["m.gguf"], folder["other.gguf"], "--type", "f16", "--name", "other").Done();
        using GgufFile other = GgufFile.Open(folder["other.gguf"]);
        Assert.Equal("other", other.Metadata["general.name"].Value);
        Assert.Equal(257, other.Metadata["tokenizer.ggml.tokens"].Count);
    }

    [Theory]
    [InlineData("""{"r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "k_proj", "down_proj"]}""", 4)]
    [InlineData("""{"r": 4, "lora_alpha": 3, "use_rslora": true, "target_modules": ["v_proj"]}""", 6)]
    [InlineData("""{"r": 2, "lora_alpha": 4, "target_modules": ["lm_head", "embed_tokens"]}""", 4)]
    [InlineData("""{"r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "o_proj"], "rank_pattern": {"o_proj": 3}, "alpha_pattern": {"o_proj": 4}}""", 4)]
    public void An_adapter_goes_there_and_back(string options, double alpha)
    {
        string adapter = TinyFiles.Adapter(folder["a"], model, options: options);
        Cli.Run("convert", adapter, folder["a.gguf"], "--model", model).Done();
        using (GgufFile file = GgufFile.Open(folder["a.gguf"]))
        {
            Assert.Equal((float)alpha, file.Metadata["adapter.lora.alpha"].Value);
        }
        Close(Logits(model, adapter), Logits(model, folder["a.gguf"]));
        Assert.Contains("of the model are adapted", Cli.Run("inspect", folder["a.gguf"], "--model", model).Done().Output, StringComparison.Ordinal);
        Cli.Run("convert", folder["a.gguf"], folder["back"], "--model", model).Done();
        Close(Logits(model, adapter), Logits(model, folder["back"]));
        Assert.True(Logits(model).Zip(Logits(model, adapter)).Max(p => Math.Abs(p.First - p.Second)) > 1e-3f);
    }

    [Theory]
    [InlineData("dora", """{"r": 2, "target_modules": ["q_proj"]}""", "not a plain low-rank one")]
    [InlineData("lora", """{"r": 2, "target_modules": ["q_proj"], "lora_bias": true}""", "not a plain low-rank one")]
    [InlineData("lora", """{"r": 2, "target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}""", "lm_head")]
    [InlineData("lora", """{"r": 2, "target_modules": ["q_proj", "v_proj"], "alpha_pattern": {"v_proj": 5}}""", "alpha")]
    [InlineData("flora", """{"r": 1, "target_modules": ["q_proj"]}""", "not a plain low-rank one")]
    public void What_the_format_cannot_hold_is_refused(string method, string options, string message)
    {
        string adapter = TinyFiles.Adapter(folder["a"], model, method, options: options);
        Assert.Contains(message, Cli.Run("convert", adapter, folder["a.gguf"], "--model", model).Refused(), StringComparison.Ordinal);
        Assert.Equal(["a", "m"], Directory.EnumerateFileSystemEntries(folder.Path).Select(e => Path.GetFileName(e)!).Order());
    }

    [Fact]
    public void Wrong_uses_are_refused_in_one_line()
    {
        string adapter = TinyFiles.Adapter(folder["a"], model);
        Assert.Contains("--model", Cli.Run("convert", adapter, folder["a.gguf"]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("is a model itself", Cli.Run("convert", model, folder["x.gguf"], "--model", model).Refused(2), StringComparison.Ordinal);
        Assert.Contains("--type", Cli.Run("convert", adapter, folder["a.gguf"], "--model", model, "--type", "f16").Refused(2), StringComparison.Ordinal);
        Assert.Contains("q9", Cli.Run("convert", model, folder["x.gguf"], "--type", "q9").Refused(2), StringComparison.Ordinal);
        Assert.Contains("formats in blocks", Cli.Run("convert", model, folder["x"], "--type", "q8_0").Refused(2), StringComparison.Ordinal);
        Assert.Contains("bitsandbytes", Cli.Run("convert", model, folder["x.gguf"], "--type", "nf4").Refused(), StringComparison.Ordinal);
        Assert.Contains("make it first", Cli.Run("convert", model, folder["no/x.gguf"]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("is a folder", Cli.Run("convert", model, Directory.CreateDirectory(folder["d.gguf"]).FullName).Refused(2), StringComparison.Ordinal);
        Cli.Run("convert", model, folder["x.gguf"]).Done();
        Assert.Contains("--force", Cli.Run("convert", model, folder["x.gguf"]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("write somewhere else", Cli.Run("convert", folder["x.gguf"], folder["x.gguf"], "--force").Refused(2), StringComparison.Ordinal);
        Cli.Run("convert", model, folder["x.gguf"], "--force").Done();
        File.WriteAllBytes(folder["bad.gguf"], [.. "GGUF"u8, 3, 0, 0, 0, .. new byte[8], 1, .. new byte[30]]);
        Assert.Contains("bad.gguf", Cli.Run("convert", folder["bad.gguf"], folder["x"]).Refused(), StringComparison.Ordinal);
        Assert.Contains("is for the architecture qwen2", Refused("qwen2"), StringComparison.Ordinal);

        string Refused(string architecture)
        {
            GgufWriter.Write(folder["q.gguf"], new Dictionary<string, GgufValue> { ["general.architecture"] = GgufValue.Of(architecture), ["general.type"] = GgufValue.Of("adapter") }, []);
            return Cli.Run("convert", folder["q.gguf"], folder["x"], "--model", model).Refused();
        }
    }

    [SharedTheory("parity/gguf/llama3-bpe")]
    [InlineData("llama-spm")]
    [InlineData("llama3-bpe")]
    [InlineData("qwen2-spm")]
    public void A_folder_of_the_hub_goes_there_and_back(string name)
    {
        string hub = SharedFiles.Path($"parity/gguf/{name}/hf")!;
        Cli.Run("convert", hub, folder["x.gguf"]).Done();
        Cli.Run("convert", folder["x.gguf"], folder["x"]).Done();
        Assert.Equal(Tensors(hub, vectors: true), Tensors(folder["x"], vectors: true));
        string reference = Directory.EnumerateFiles(Path.GetDirectoryName(hub)!, "*.gguf").Where(f => !Path.GetFileName(f).StartsWith("lora", StringComparison.Ordinal)).Order(StringComparer.Ordinal).First();
        using GgufFile expected = GgufFile.Open(reference), got = GgufFile.Open(folder["x.gguf"]);
        foreach (string key in (ReadOnlySpan<string>)["tokenizer.ggml.model", "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type", "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id"])
        {
            Assert.Equal(expected.Metadata.GetValueOrDefault(key)?.Value, got.Metadata.GetValueOrDefault(key)?.Value);
        }
        Assert.Equal(expected.Metadata.GetValueOrDefault("tokenizer.ggml.merges")?.Value, got.Metadata.GetValueOrDefault("tokenizer.ggml.merges")?.Value);
    }

    // Norms are float32 in every GGUF file: of them the values are compared.
    private static (string, StoredType, string)[] Tensors(string folder, bool vectors = false)
    {
        using TensorFolder files = TensorFolder.Open(folder);
        return [.. files.Names.Order(StringComparer.Ordinal).Select(name =>
        {
            Assert.True(files.TryGet(name, out StoredTensor? tensor, out SafetensorsFile? file));
            float[] values = new float[tensor.Count];
            file.ReadSingle(tensor, values);
            return (name, tensor.Shape.Count == 2 || vectors ? tensor.Type : StoredType.F32, Convert.ToHexString(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values)));
        })];
    }

    private static float[] Logits(string model, string? adapter = null)
    {
        using LanguageModel loaded = ModelLoader.Load(model);
        using TrainedAdapter? own = adapter is null ? null : AdapterFolder.Load(adapter, loaded);
        using ModelRun run = new() { Rows = new Rows(Ids.Length), Plan = own is null ? null : new BatchPlan(loaded, [new(own, 0, Ids.Length)]) };
        return loaded.Logits(run, loaded.Forward(run, Input.Of(Ids))).Span.ToArray();
    }

    private static void Close(float[] expected, float[] got) => Assert.All(expected.Zip(got), p => Assert.Equal(p.First, p.Second, 1e-4f));
}
