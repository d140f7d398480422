using System.Text.Json.Nodes;
using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Nola;

/// <summary>The checks 4 and 6 of NOLA's card: the file's size, the seed's check, quantised coefficients.</summary>
public sealed class NolaFileTests
{
    [Theory]
    [Trait("Card", "NOLA 4")]
    [InlineData("f32", 32)]
    [InlineData("f16", 16)]
    [InlineData("int8", 8)]
    [InlineData("int4", 4)]
    public void The_file_is_a_header_the_coefficients_and_their_scales(string type, int bits)
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = Make(model, type);
        using TemporaryFolder folder = new();
        AdapterFolder.Save(adapter, folder.Of("a"));
        string path = Path.Combine(folder.Of("a"), AdapterFolder.WeightsName);
        byte[] file = File.ReadAllBytes(path);
        long vectors = 2L * adapter.AdaptedModules.Count;
        long expected = 8 + BitConverter.ToInt64(file) + (vectors * (((24 * bits) + 7) / 8)) + (bits < 16 ? 4 * vectors : 0);
        Assert.Equal(expected, file.Length);
        Assert.Equal(24 * vectors, adapter.ParameterCount);
    }

    [Fact]
    [Trait("Card", "NOLA 4")]
    public void The_default_has_the_count_of_the_paper()
    {
        // LLaMA-2 7B has 57,344 numbers for 32 blocks, whatever their width; a model of two blocks has a sixteenth.
        using LanguageModel model = Bench.Model(layers: 2);
        using TrainedAdapter adapter = AdapterMethods.Find("nola").Create("nola", model, new JsonObject { ["target_modules"] = "all-linear" }, new CounterRandom(1));
        Assert.Equal(57_344 / 16, adapter.ParameterCount);
    }

    [Fact]
    [Trait("Card", "NOLA 4")]
    public void The_same_seed_makes_the_same_logits_on_reload_and_another_seed_is_noticed()
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = Make(model, "f32");
        using TemporaryFolder folder = new();
        AdapterFolder.Save(adapter, folder.Of("a"));
        using (TrainedAdapter loaded = AdapterFolder.Load(folder.Of("a"), model))
        {
            Assert.Equal(Bench.Logits(model, adapter, Bench.Prompts[2]), Bench.Logits(model, loaded, Bench.Prompts[2]));
        }
        string config = Path.Combine(folder.Of("a"), AdapterFolder.ConfigName);
        foreach ((string key, JsonNode? value, string expected) in new (string, JsonNode?, string)[]
        {
            ("seed", 4, "basis_check"), ("basis_check", null, "basis_check"), ("num_basis", 23, "nola_alpha"), ("coefficient_type", "int8", "nola_alpha"),
            ("expanded_numbers", 5, "another base"), ("r", -1, "r must be"),
        })
        {
            JsonObject changed = JsonNode.Parse(File.ReadAllText(config))!.AsObject();
            changed[key] = value;
            string copy = folder.Of("changed");
            Directory.CreateDirectory(copy);
            File.WriteAllText(Path.Combine(copy, AdapterFolder.ConfigName), changed.ToJsonString());
            File.WriteAllBytes(Path.Combine(copy, AdapterFolder.WeightsName), File.ReadAllBytes(Path.Combine(folder.Of("a"), AdapterFolder.WeightsName)));
            BadFileException error = Assert.Throws<BadFileException>(() => AdapterFolder.Load(copy, model));
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        }
        JsonObject other = JsonNode.Parse(File.ReadAllText(config))!.AsObject();
        other["random"] = "mt19937";
        File.WriteAllText(config, other.ToJsonString());
        Assert.Contains("mt19937", Assert.Throws<NotSupportedException>(() => AdapterFolder.Load(folder.Of("a"), model)).Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Card", "NOLA 6")]
    public void Int8_coefficients_hardly_change_the_loss_and_int4_little()
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = Make(model, "f32");
        double exact = Bench.Loss(model, adapter, Bench.Prompts);
        foreach ((string type, double allowed) in new[] { ("int8", 0.005), ("int4", 0.08), ("f16", 0.001) })
        {
            using TrainedAdapter coarse = Make(model, type);
            using TemporaryFolder folder = new();
            AdapterFolder.Save(coarse, folder.Of("a"));
            using TrainedAdapter loaded = AdapterFolder.Load(folder.Of("a"), model);
            Assert.InRange(Math.Abs(Bench.Loss(model, loaded, Bench.Prompts) - exact) / exact, 0, allowed);
        }
    }

    private static TrainedAdapter Make(LanguageModel model, string type)
    {
        JsonObject config = new() { ["r"] = 3, ["num_basis"] = 24, ["coefficient_type"] = type, ["target_modules"] = "all-linear", ["seed"] = 3 };
        TrainedAdapter adapter = AdapterMethods.Find("nola").Create("nola", model, config, new CounterRandom(1));
        Bench.Shake(adapter);
        return adapter;
    }
}
