using Lorikeet.Adapters;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Tests;

[Collection("console")]
public sealed class MergeTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly string model;

    public MergeTests() => model = TinyFiles.Model(folder["m"]);

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("lora")]
    [InlineData("dora")]
    [InlineData("flora")]
    public void A_merged_model_computes_what_model_and_adapter_compute(string method)
    {
        string options = method == "flora" ? """{"r": 1, "target_modules": ["q_proj", "down_proj"]}""" : """{"r": 2, "lora_alpha": 3, "target_modules": ["q_proj", "down_proj"]}""";
        string adapter = TinyFiles.Adapter(folder["a"], model, method, options: options);
        Cli.Run("merge", "--model", model, "--adapter", adapter, "--out", folder["out"]).Done();
        Close(Logits(model, adapter), Logits(folder["out"]), 1e-5f);
        Assert.True(Distance(Logits(model), Logits(folder["out"])) > 1e-3f);
        Assert.Equal(File.ReadAllBytes(Path.Combine(model, "tokenizer.json")), File.ReadAllBytes(folder["out/tokenizer.json"]));
        Assert.Equal(["a", "m", "out"], Directory.EnumerateFileSystemEntries(folder.Path).Select(e => Path.GetFileName(e)!).Order());
    }

    [Fact]
    public void A_weighted_sum_is_the_sum_of_the_changes()
    {
        string a = TinyFiles.Adapter(folder["a"], model, seed: 1), b = TinyFiles.Adapter(folder["b"], model, seed: 2);
        string[] both = ["--model", model, "--adapter", a, "--weight", "0.75", "--adapter", b, "--weight=-0.5"];
        Cli.Run(["merge", .. both, "--out", folder["sum"]]).Done();
        Cli.Run(["merge", .. both, "--adapter-out", folder["one"]]).Done();
        Cli.Run("merge", "--model", model, "--adapter", a, "--out", folder["onlya"]).Done();
        Cli.Run("merge", "--model", model, "--adapter", b, "--out", folder["onlyb"]).Done();
        foreach (string name in (string[])["model.layers.0.self_attn.q_proj.weight", "model.layers.1.mlp.down_proj.weight"])
        {
            float[] w = Read(model, name), wa = Read(folder["onlya"], name), wb = Read(folder["onlyb"], name), sum = Read(folder["sum"], name);
            Close([.. w.Select((x, i) => x + (0.75f * (wa[i] - x)) - (0.5f * (wb[i] - x)))], sum, 1e-5f);
        }
        Close(Logits(model, folder["one"]), Logits(folder["sum"]), 1e-5f);
    }

    [Theory]
    [InlineData("bf16", StoredType.BF16)]
    [InlineData("f16", StoredType.F16)]
    [InlineData("f32", StoredType.F32)]
    public void The_type_is_the_one_asked_for(string type, StoredType expected)
    {
        string adapter = TinyFiles.Adapter(folder["a"], model);
        Cli.Run("merge", "--model", model, "--adapter", adapter, "--out", folder["out"], "--type", type).Done();
        using SafetensorsFile file = SafetensorsFile.Open(folder["out/model.safetensors"]);
        Assert.All(file.Tensors, t => Assert.Equal(expected, t.Type));
    }

    [Fact]
    public void A_model_keeps_its_type()
    {
        string narrow = TinyFiles.Model(folder["bf16"], ElementType.BF16), adapter = TinyFiles.Adapter(folder["a"], narrow);
        Cli.Run("merge", "--model", narrow, "--adapter", adapter, "--out", folder["out"]).Done();
        using SafetensorsFile before = SafetensorsFile.Open(Path.Combine(narrow, "model.safetensors")), after = SafetensorsFile.Open(folder["out/model.safetensors"]);
        Assert.Equal(Matrices(before), Matrices(after));

        static IEnumerable<(string, StoredType)> Matrices(SafetensorsFile file) => file.Tensors.Where(t => t.Shape.Count == 2).Select(t => (t.Name, t.Type)).Order();
    }

    [Fact]
    public void A_taken_place_is_refused_and_replaced_only_on_demand()
    {
        string adapter = TinyFiles.Adapter(folder["a"], model);
        string[] merge = ["merge", "--model", model, "--adapter", adapter, "--out"];
        Cli.Run([.. merge, folder["out"]]).Done();
        File.WriteAllText(folder["out/left"], "");
        Assert.Contains("--force", Cli.Run([.. merge, folder["out"]]).Refused(2), StringComparison.Ordinal);
        Cli.Run([.. merge, folder["out"], "--force"]).Done();
        Assert.False(File.Exists(folder["out/left"]));
        Directory.CreateDirectory(folder["letters"]);
        File.WriteAllText(folder["letters/dear"], "");
        Assert.Contains("neither a model nor an adapter", Cli.Run([.. merge, folder["letters"], "--force"]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("write somewhere else", Cli.Run([.. merge, model, "--force"]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("write somewhere else", Cli.Run([.. merge, folder.Path, "--force"]).Refused(2), StringComparison.Ordinal);
        Assert.True(File.Exists(folder["letters/dear"]));
    }

    [Fact]
    public void Wrong_uses_are_refused_in_one_line()
    {
        string adapter = TinyFiles.Adapter(folder["a"], model), dora = TinyFiles.Adapter(folder["d"], model, "dora");
        string[] start = ["merge", "--model", model, "--adapter", adapter];
        Assert.Contains("--out", Cli.Run(start).Refused(2), StringComparison.Ordinal);
        Assert.Contains("either", Cli.Run([.. start, "--out", folder["x"], "--adapter-out", folder["y"]]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("1 adapters and 2 weights", Cli.Run([.. start, "--weight", "1", "--weight", "2", "--out", folder["x"]]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("q4", Cli.Run([.. start, "--out", folder["x"], "--type", "q4"]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("ties", Cli.Run([.. start, "--out", folder["x"], "--combine", "ties"]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("cannot be mixed", Cli.Run([.. start, "--adapter", dora, "--out", folder["x"]]).Refused(), StringComparison.Ordinal);
        Assert.Contains("finite", Cli.Run([.. start, "--weight", "NaN", "--out", folder["x"]]).Refused(), StringComparison.Ordinal);
        Assert.Equal(["a", "d", "m"], Directory.EnumerateFileSystemEntries(folder.Path).Select(e => Path.GetFileName(e)!).Order());
    }

    private static float[] Logits(string model, string? adapter = null)
    {
        int[] ids = [1, 72, 101, 108, 200, 3];
        using LanguageModel loaded = ModelLoader.Load(model);
        using TrainedAdapter? own = adapter is null ? null : AdapterFolder.Load(adapter, loaded);
        using ModelRun run = new() { Rows = new Rows(ids.Length), Plan = own is null ? null : new BatchPlan(loaded, [new(own, 0, ids.Length)]) };
        return loaded.Logits(run, loaded.Forward(run, Input.Of(ids))).Span.ToArray();
    }

    private static float[] Read(string folder, string name)
    {
        using LanguageModel loaded = ModelLoader.Load(folder);
        return loaded.Tensors.Single(t => t.Name == name).Weight!.ToArray();
    }

    private static float Distance(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max();

    private static void Close(float[] expected, float[] actual, float tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        float distance = Distance(expected, actual);
        Assert.True(distance <= tolerance * (1 + expected.Max(Math.Abs)), $"they differ by {distance}");
    }
}
