using System.Buffers.Binary;
using System.Text;

namespace Lorikeet.Cli.Tests;

/// <summary>Hostile files at the command line: one line that names the file, exit code 1, nothing written.</summary>
[Collection("console")]
public sealed class BadInputTests : IDisposable
{
    // A limit on the size of files (in blocks of 512 bytes) stands for a full disk; the runtime maps its own memory through files otherwise.
    private const string LittleSpace = "trap '' XFSZ; export DOTNET_EnableWriteXorExecute=0; ulimit -f 8;";

    private readonly TemporaryFolder folder = new();
    private readonly string model;
    private readonly string adapter;

    public BadInputTests()
    {
        model = TinyFiles.Model(folder["m"]);
        adapter = TinyFiles.Adapter(folder["a"], model);
    }

    private string ModelFile => Path.Combine(model, "model.safetensors");

    private string AdapterFile => Path.Combine(adapter, "adapter_model.safetensors");

    private string AdapterConfig => Path.Combine(adapter, "adapter_config.json");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("cut in the data", "cut off")]
    [InlineData("cut in the header", "")]
    [InlineData("four bytes", "")]
    [InlineData("empty", "")]
    [InlineData("header of 2^60 bytes", "")]
    [InlineData("header no JSON", "")]
    [InlineData("a zip", "")]
    [InlineData("rest after the data", "")]
    public void Damaged_safetensors(string damage, string expected)
    {
        foreach (string file in (string[])[ModelFile, AdapterFile])
        {
            byte[] good = File.ReadAllBytes(file);
            byte[] bad = damage switch
            {
                "cut in the data" => good[..^9],
                "cut in the header" => good[..40],
                "four bytes" => good[..4],
                "empty" => [],
                "header of 2^60 bytes" => [.. BitConverter.GetBytes(1L << 60), .. good[8..]],
                "header no JSON" => [.. good[..8], (byte)'x', .. good[9..]],
                "a zip" => [.. "PK\x03\x04"u8, .. good[4..]],
                _ => [.. good, 0],
            };
            File.WriteAllBytes(file, bad);
            string line = Refused(Merge());
            Assert.Contains(Path.GetFileName(file), line, StringComparison.Ordinal);
            Assert.Contains(expected, line, StringComparison.Ordinal);
            File.WriteAllBytes(file, good);
        }
        Cli.Run(Merge()).Done();
    }

    [Theory]
    [InlineData("\"shape\":[2,16]", "\"shape\":[2,-6]")]
    [InlineData("\"shape\":[2,16]", "\"shape\":[9,16]")]
    [InlineData("\"dtype\":\"F32\"", "\"dtype\":\"F33\"")]
    [InlineData("\"data_offsets\":[0,", "\"data_offsets\":[4,")]
    [InlineData("\"data_offsets\":[0,", "\"data_offsets\":[-1,")]
    public void Lying_headers(string old, string fresh)
    {
        byte[] bytes = File.ReadAllBytes(AdapterFile);
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        string header = Encoding.UTF8.GetString(bytes, 8, length);
        Assert.Contains(old, header, StringComparison.Ordinal);
        int at = header.IndexOf(old, StringComparison.Ordinal);
        byte[] changed = Encoding.UTF8.GetBytes(header[..at] + fresh + header[(at + old.Length)..]);
        File.WriteAllBytes(AdapterFile, [.. BitConverter.GetBytes((long)changed.Length), .. changed, .. bytes[(8 + length)..]]);
        Assert.Contains("adapter_model.safetensors", Refused(Merge()), StringComparison.Ordinal);
        Assert.Contains("adapter_model.safetensors", Refused(["inspect", adapter]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.PositiveInfinity, "infinite")]
    public void Numbers_that_are_not_finite(float value, string expected)
    {
        TinyFiles.Change(AdapterFile, "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", 5, _ => value);
        Assert.Contains(expected, Refused(Merge()), StringComparison.Ordinal);
    }

    [Fact]
    public void A_weight_of_the_model_that_is_not_finite_is_not_merged()
    {
        TinyFiles.Change(ModelFile, "model.layers.0.self_attn.q_proj.weight", 5, _ => float.NaN);
        Refused(Merge());
    }

    [Theory]
    [InlineData("\"hidden_size\": 16", "\"hidden_size\": 32")]
    [InlineData("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3")]
    [InlineData("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1000000000000000000")]
    [InlineData("\"num_attention_heads\": 4", "\"num_attention_heads\": 0")]
    [InlineData("\"num_attention_heads\": 4", "\"num_attention_heads\": -4")]
    [InlineData("\"vocab_size\": 257", "\"vocab_size\": 1e99")]
    [InlineData("\"vocab_size\": 257", "\"vocab_size\": \"many\"")]
    [InlineData("{", "{{")]
    [InlineData("{", "[{")]
    [InlineData("\"llama\"", "\"no_such_model\"")]
    public void Configurations_of_models_that_make_no_sense(string old, string fresh)
    {
        TinyFiles.ChangeText(Path.Combine(model, "config.json"), old, fresh);
        Refused(Merge());
        if (!fresh.Contains("no_such_model", StringComparison.Ordinal))
        {
            Refused(["inspect", model]);
        }
    }

    [Theory]
    [InlineData("\"r\": 2", "\"r\": 0", "r must be")]
    [InlineData("\"r\": 2", "\"r\": 1000000000", "")]
    [InlineData("\"r\": 2", "\"r\": \"two\"", "r must be an integer")]
    [InlineData("\"r\": 2", "\"r\": 3", "")]
    [InlineData("\"q_proj\"", "\"no_such_module\"", "q_proj")]
    [InlineData("\"LORA\"", "\"SORCERY\"", "SORCERY")]
    [InlineData("\"LORA\"", "\"VERA\"", "VERA is not built")]
    [InlineData("\"use_dora\": false", "\"use_dora\": true", "")]
    [InlineData("\"layers_to_transform\": null", "\"layers_to_transform\": [7]", "")]
    public void Configurations_of_adapters_that_make_no_sense(string old, string fresh, string expected)
    {
        TinyFiles.ChangeText(AdapterConfig, old, fresh);
        Assert.Contains(expected, Refused(Merge()), StringComparison.Ordinal);
    }

    [Fact]
    public void Modules_that_the_model_lacks()
    {
        Directory.Delete(adapter, recursive: true);
        TinyFiles.Adapter(adapter, model, options: """{"r": 2, "target_modules": ["q_proj"]}""");
        TinyFiles.ChangeText(AdapterConfig, "\"q_proj\"", "\"no_such_module\"");
        Assert.Contains("no_such_module", Refused(Merge()), StringComparison.Ordinal);
    }

    [Fact]
    public void Text_that_is_no_text()
    {
        byte[] good = File.ReadAllBytes(AdapterConfig);
        File.WriteAllBytes(AdapterConfig, [.. good[..20], 0xFF, 0xFE, .. good[20..]]);
        Assert.Contains("UTF-8", Refused(Merge()), StringComparison.Ordinal);
        File.WriteAllText(AdapterConfig, string.Concat(Enumerable.Repeat("{\"a\":", 5000)));
        Assert.Contains("deeper", Refused(Merge()), StringComparison.Ordinal);
        File.WriteAllBytes(AdapterConfig, good[..^20]);
        Refused(Merge());
        File.WriteAllText(AdapterConfig, "{\"peft_type\": \"LORA\", \"peft_type\": \"LORA\"}");
        Assert.Contains("twice", Refused(Merge()), StringComparison.Ordinal);
    }

    [Fact]
    public void Pickles_are_refused_with_the_reason()
    {
        File.Move(AdapterFile, Path.Combine(adapter, "adapter_model.bin"));
        Assert.Contains("can run code", Refused(Merge()), StringComparison.Ordinal);
        Assert.Contains("can run code", Refused(["inspect", adapter]), StringComparison.Ordinal);
        File.Move(ModelFile, Path.Combine(model, "pytorch_model.bin"));
        Assert.Contains("can run code", Refused(["inspect", model]), StringComparison.Ordinal);
        Assert.Contains("can run code", Refused(["inspect", Path.Combine(model, "pytorch_model.bin")]), StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_for_another_model()
    {
        string other = folder["other"];
        using (Models.LanguageModel wide = Models.ModelLoader.Create(TinyFiles.Config with { HiddenSize = 24 }, new Tensors.CounterRandom(3)))
        {
            Models.ModelWriter.Save(wide, other);
        }
        string line = Refused(["merge", "--model", other, "--adapter", adapter, "--out", folder["out"]]);
        Assert.Contains("the base layer needs", line, StringComparison.Ordinal);
        Assert.Contains("the base layer needs", Refused(["inspect", adapter, "--model", other]), StringComparison.Ordinal);
    }

    [Fact]
    public void Absent_files_are_named()
    {
        Assert.Contains("/no/model", Refused(["merge", "--model", "/no/model", "--adapter", adapter, "--out", folder["out"]]), StringComparison.Ordinal);
        Assert.Contains("/no/adapter", Refused(["merge", "--model", model, "--adapter", "/no/adapter", "--out", folder["out"]]), StringComparison.Ordinal);
        File.Delete(AdapterFile);
        Assert.Contains("adapter_model.safetensors", Refused(Merge()), StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_disk_leaves_nothing_behind()
    {
        CliResult result = Cli.Child(LittleSpace, Merge());
        Assert.Contains("lorikeet: ", result.Refused(), StringComparison.Ordinal);
        Assert.Equal(["a", "m"], Left());
        Cli.Run(Merge()).Done();
        byte[] before = File.ReadAllBytes(folder["out/model.safetensors"]);
        Cli.Child(LittleSpace, [.. Merge(), "--force", "--type", "bf16"]).Refused();
        Assert.Equal(before, File.ReadAllBytes(folder["out/model.safetensors"]));
        Assert.Equal(["a", "m", "out"], Left());
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_named()
    {
        File.WriteAllText(folder["file"], "");
        Refused(["merge", "--model", model, "--adapter", adapter, "--out", folder["file/out"]]);
        Assert.Equal("", File.ReadAllText(folder["file"]));
    }

    private string[] Merge() => ["merge", "--model", model, "--adapter", adapter, "--out", folder["out"]];

    private string Refused(string[] args)
    {
        string line = Cli.Run(args).Refused();
        Assert.DoesNotContain("out", Left());
        Assert.DoesNotContain(Left(), name => name.StartsWith('.'));
        return line;
    }

    private string[] Left() => [.. Directory.EnumerateFileSystemEntries(folder.Path).Select(e => Path.GetFileName(e)!).Order()];
}
