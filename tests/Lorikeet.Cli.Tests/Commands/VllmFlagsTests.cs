using System.CommandLine;
using Lorikeet.Cli.Commands;
using Lorikeet.Server;

namespace Lorikeet.Cli.Tests.Commands;

/// <summary>A manifest that starts vLLM starts this server: each flag and variable does what it says, or is refused in one line.</summary>
public sealed class VllmFlagsTests
{
    private const string Runtime = "VLLM_ALLOW_RUNTIME_LORA_UPDATING", Plugins = "VLLM_PLUGINS", Folder = "VLLM_LORA_RESOLVER_CACHE_DIR", Key = "VLLM_API_KEY";

    [Fact]
    public void The_sample_manifests_arguments_are_taken_as_they_stand()
    {
        ServerOptions options = Read(
            "--model meta-llama/Llama-3.1-8B-Instruct --port 8000 --max-num-seqs 1024 --enable-lora --max-loras 2 --max-lora-rank 8 --max-cpu-loras 12 --max-model-len 4096 --api-key one two",
            ["--lora-modules", "food-review=/adapters/food", """{"name": "cad-fabricator", "path": "/adapters/cad", "base_model_name": "meta-llama/Llama-3.1-8B-Instruct"}"""],
            (Runtime, "true"), (Plugins, "lora_filesystem_resolver"), (Folder, "/adapters"));
        Assert.Equal("meta-llama/Llama-3.1-8B-Instruct", options.Model);
        Assert.Equal(["Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"], options.ServedNames);
        Assert.Equal(8000, options.Port);
        Assert.Equal(1024, options.Engine.MaxSequences);
        Assert.Equal(4096, options.Engine.MaxLength);
        Assert.Equal(8, options.Limits.AdapterRank);
        Assert.Equal(["one", "two"], options.ApiKeys);
        Assert.Equal([new("food-review", "/adapters/food"), new("cad-fabricator", "/adapters/cad")], options.Adapters);
        Assert.True(options.RuntimeLoading);
        Assert.Equal("/adapters", options.AdapterFolder);
        Assert.False(options.PromptEmbeds);
    }

    [Fact]
    public void Without_them_nothing_is_changed()
    {
        ServerOptions options = Read("--model /models/base");
        Assert.Equal(["base"], options.ServedNames);
        Assert.Equal(0, options.Engine.MaxLength);
        Assert.Equal(256, options.Limits.AdapterRank);
        Assert.Empty(options.Adapters);
        Assert.Empty(options.ApiKeys);
        Assert.False(options.RuntimeLoading);
        Assert.Null(options.AdapterFolder);
        Assert.True(Read("--model x --enable-prompt-embeds").PromptEmbeds);
    }

    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("4k", 4000)]
    [InlineData("4K", 4096)]
    [InlineData("1m", 1_000_000)]
    [InlineData("1M", 1 << 20)]
    [InlineData("auto", 0)]
    [InlineData("-1", 0)]
    public void Lengths_are_vllms(string text, int expected) => Assert.Equal(expected, Read($"--model x --max-model-len {text}").Engine.MaxLength);

    [Theory]
    [InlineData("1", true)]
    [InlineData(" True ", true)]
    [InlineData("0", false)]
    [InlineData("false", false)]
    [InlineData("", false)]
    public void Loading_at_run_time_is_switched_by_the_variable(string value, bool on)
    {
        Assert.Equal(on, Read("--model x", [], (Runtime, value)).RuntimeLoading);
        Assert.True(Read("--model x --allow-runtime-adapters", [], (Runtime, value)).RuntimeLoading);
    }

    [Fact]
    public void The_folder_is_looked_in_where_its_plugin_may()
    {
        Assert.Equal("/a", Read("--model x", [], (Folder, "/a")).AdapterFolder);
        Assert.Equal("/a", Read("--model x", [], (Folder, "/a"), (Plugins, " lora_filesystem_resolver ")).AdapterFolder);
        Assert.Equal("/own", Read("--model x --adapter-dir /own", [], (Folder, "/a")).AdapterFolder);
        Assert.Null(Read("--model x", [], (Folder, "/a"), (Runtime, "0")).AdapterFolder);
        Assert.Null(Read("--model x", [], (Plugins, "")).AdapterFolder);
    }

    [Fact]
    public void A_key_of_the_environment_counts_where_none_is_given()
    {
        Assert.Equal(["secret"], Read("--model x", [], (Key, "secret")).ApiKeys);
        Assert.Equal(["own"], Read("--model x --api-key own", [], (Key, "secret")).ApiKeys);
        Assert.Empty(Read("--model x", [], (Key, "")).ApiKeys);
    }

    [Fact]
    public void A_base_of_an_adapter_must_be_this_one()
    {
        string[] modules = ["--lora-modules", """{"name":"a","path":"/a","base_model_name":"big"}"""];
        Assert.Contains("--served-model-name big", Refused("--model x", modules), StringComparison.Ordinal);
        Assert.Single(Read("--model x --served-model-name big", modules).Adapters);
        Assert.Single(Read("--model x", ["--lora-modules", """{"name":"a","path":"/a","base_model_name":null}"""]).Adapters);
        // Flags that can be given again are one list.
        Assert.Equal(["own", "a", "b=c"], Read("--model x --adapter own=/o --lora-modules a=/a --lora-modules", ["""{"name":"b=c","path":"/b"}"""]).Adapters.Select(a => a.Key));
    }

    [Theory]
    [InlineData("--max-model-len 0", "--max-model-len is '0'")]
    [InlineData("--max-model-len k", "--max-model-len is 'k'")]
    [InlineData("--max-model-len 3000M", "3000M")]
    [InlineData("--max-model-len 1e3", "1e3")]
    [InlineData("--max-loras 0", "--max-loras is 0")]
    [InlineData("--max-loras 4 --max-cpu-loras 3", "--max-cpu-loras is 3; expected 4")]
    [InlineData("--max-lora-rank 0", "--max-lora-rank is 0")]
    [InlineData("--max-lora-rank 1025", "1 to 1024")]
    [InlineData("--enable-lora false", "cannot be switched off")]
    [InlineData("--lora-modules a", "'a'; expected NAME=FOLDER")]
    [InlineData("--lora-modules =x", "'=x'")]
    [InlineData("--lora-modules {", "--lora-modules")]
    [InlineData("--lora-modules {}", "without a name or a path")]
    [InlineData("""--lora-modules {"name":"a"}""", "without a name or a path")]
    [InlineData("""--lora-modules {"name":1,"path":"/a"}""", "name = 1")]
    [InlineData("""--lora-modules {"name":"a","path":"/a","rank":3}""", "rank = 3")]
    [InlineData("""--lora-modules {"name":"a","name":"b","path":"/a"}""", "name")]
    public void What_cannot_be_is_one_line(string flags, string words) => Assert.Contains(words, Refused("--model x " + flags, []), StringComparison.Ordinal);

    [Fact]
    public void Variables_that_would_be_ignored_are_refused()
    {
        Assert.Contains("expected 1 or true", Refused("--model x", [], (Runtime, "yes")), StringComparison.Ordinal);
        Assert.Contains("lora_hf_hub_resolver", Refused("--model x", [], (Plugins, "lora_filesystem_resolver,lora_hf_hub_resolver"), (Folder, "/a")), StringComparison.Ordinal);
        Assert.Contains(Folder, Refused("--model x", [], (Plugins, "lora_filesystem_resolver")), StringComparison.Ordinal);
        Assert.Contains("switches off", Refused("--model x", [], (Plugins, ""), (Folder, "/a")), StringComparison.Ordinal);
    }

    private static string Refused(string flags, string[] more, params (string Name, string Value)[] environment)
    {
        string message = Assert.Throws<UsageException>(() => Read(flags, more, environment)).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }

    private static ServerOptions Read(string flags, string[]? more = null, params (string Name, string Value)[] environment)
    {
        ParseResult parsed = CommandLine.CreateRoot().Parse(["serve", .. flags.Split(' '), .. more ?? []]);
        Assert.Empty(parsed.Errors);
        return ServeCommand.Read(parsed, name => Array.Find(environment, e => e.Name == name).Value);
    }
}
