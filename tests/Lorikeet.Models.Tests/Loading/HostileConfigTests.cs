using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;
using Lorikeet.Models.Tests.Architectures;
using Lorikeet.Models.Tests.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Tests.Loading;

/// <summary>Every value of every architecture's config.json replaced by nonsense: one clear line, in bounded time and memory.</summary>
[Collection(nameof(Alone))]
public sealed class HostileConfigTests
{
    private static readonly string[] Nonsense =
    [
        "0", "-1", "1", "3", "7", "1e9", "1000000000", "2147483647", "-2147483648", "99999999999999999999", "0.5", "1e400", "NaN-is-no-number", "true", "false", "null",
        "\"\"", "\"\\u0000\\n\"", "\"" + "x\"", "[]", "[1]", "[1, 2, 3]", "[null]", "{}", "{\"rope_type\": 5}", "{\"rope_type\": \"yarn\"}", "{\"factor\": -1}",
    ];

    public static TheoryData<string> Names => TinyArchitectures.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void Nonsense_for_any_key_ends_in_a_model_or_in_one_line(string name)
    {
        using TemporaryFolder folder = new();
        using (LanguageModel model = TinyArchitectures.Create(name))
        {
            ModelWriter.Save(model, folder.Path);
        }
        string path = Path.Combine(folder.Path, "config.json");
        JsonObject good = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        string[] keys = [.. good.Select(pair => pair.Key), "sliding_window", "layer_types", "rope_scaling", "rope_parameters", "quantization_config", "partial_rotary_factor"];
        long before = Storage.LiveBytes;
        Stopwatch clock = Stopwatch.StartNew();
        foreach (string key in keys.Distinct())
        {
            foreach (string value in Nonsense)
            {
                JsonObject bad = good.DeepClone().AsObject();
                bad.Remove(key);
                string text = bad.ToJsonString();
                File.WriteAllText(path, string.Concat("{", JsonSerializer.Serialize(key), ": ", value, text.Length > 2 ? ", " : "", text[1..]));
                string? message = Loaded(folder.Path);
                if (message is not null)
                {
                    Assert.False(message.Any(c => char.IsControl(c)), $"{key} = {value}: {message}");
                    Assert.True(message.Length < 1200, $"{key} = {value}: {message}");
                }
            }
            Assert.Equal(before, Storage.LiveBytes);
        }
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"{clock.Elapsed}");
    }

    private static string? Loaded(string folder)
    {
        try
        {
            using LanguageModel model = ModelLoader.Load(folder);
            using ModelRun run = new() { Rows = new Rows(2) };
            model.Logits(run, model.Forward(run, Input.Of([1, 2])));
            return null;
        }
        catch (Exception e) when (e is BadFileException or NotSupportedException)
        {
            return e.Message;
        }
    }

    [Theory]
    [InlineData("gpt2", "n_head", "5", "hidden_size")]
    [InlineData("gpt2", "n_positions", "2147483000", "wpe.weight")]
    [InlineData("opt", "word_embed_proj_dim", "0", "word_embed_proj_dim")]
    [InlineData("opt", "activation_function", "\"mish\"", "mish")]
    [InlineData("gptj", "rotary_dim", "5", "rotary_dim")]
    [InlineData("gpt_neox", "rotary_pct", "0.01", "rotated")]
    [InlineData("falcon, two norms", "num_kv_heads", "4", "whole number of heads")]
    [InlineData("falcon, two norms", "parallel_attn", "false", "parallel_attn")]
    [InlineData("starcoder2", "sliding_window", "0", "sliding_window")]
    [InlineData("bloom", "n_layer", "1000000000", "n_layer")]
    public void The_line_names_the_key(string name, string key, string value, string expected)
    {
        using TemporaryFolder folder = new();
        using (LanguageModel model = TinyArchitectures.Create(name))
        {
            ModelWriter.Save(model, folder.Path);
        }
        string path = Path.Combine(folder.Path, "config.json");
        JsonObject json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        json[key] = JsonNode.Parse(value);
        File.WriteAllText(path, json.ToJsonString(), Encoding.UTF8);
        string message = Loaded(folder.Path) ?? "";
        Assert.True(message.Contains(expected, StringComparison.Ordinal) || message.Contains(key, StringComparison.Ordinal), message);
    }
}
