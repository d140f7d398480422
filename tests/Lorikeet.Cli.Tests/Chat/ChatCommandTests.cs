using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Cli.Chat;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Serving;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Tests.Chat;

/// <summary><c>lorikeet chat</c> driven through standard input.</summary>
[Collection("console")]
public sealed class ChatCommandTests : IDisposable
{
    private const string Template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
    private readonly TemporaryFolder folder = new();
    private readonly string[] common;

    public ChatCommandTests()
    {
        using LanguageModel model = Model(512);
        Directory.CreateDirectory(folder["base"]);
        ModelWriter.Save(model, folder["base"]);
        new ByteTokenizer().Save(folder["base"]);
        foreach (string name in new[] { "one", "two" })
        {
            JsonObject config = new() { ["r"] = 4, ["target_modules"] = "all-linear" };
            using TrainedAdapter adapter = AdapterMethods.Find("lora").Create(name, model, config, new CounterRandom(2).Named(name));
            foreach (Parameter parameter in adapter.Parameters)
            {
                new CounterRandom(3).Named(name + parameter.Name).FillNormal(parameter.Value.Span, 0.3f);
            }
            AdapterFolder.Save(adapter, folder[name]);
        }
        File.WriteAllText(folder["base/chat_template.jinja"], Template);
        common = ["chat", "--model", folder["base"], "--max-tokens", "4"];
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Answers_are_those_that_generate_gives_to_the_same_conversation()
    {
        CliResult talk = Run("ab\n/adapter two\ncd\n/adapter none\nef\n/save " + folder["talk.jsonl"] + "\n", "--adapter", folder["one"], "--adapter", folder["two"]).Done();
        (string Role, string Content)[] turns = Saved("talk.jsonl");
        Assert.Equal(["user", "assistant", "user", "assistant", "user", "assistant"], turns.Select(t => t.Role));
        string?[] adapters = [folder["one"], folder["two"], null];
        for (int i = 0; i < 3; i++)
        {
            string prompt = string.Concat(turns.Take((2 * i) + 1).Select(t => $"<{t.Role}>{t.Content}")) + "<assistant>";
            Assert.Equal(turns[(2 * i) + 1].Content, Generated(prompt, adapters[i]));
            Assert.Contains(turns[(2 * i) + 1].Content, talk.Output, StringComparison.Ordinal);
        }
        Assert.NotEqual(turns[1].Content, Generated("<user>ab<assistant>", null));
    }

    [Fact]
    public void What_was_said_is_known_to_the_engine()
    {
        // Blocks of keys and values have 32 tokens: the first question fills one.
        string error = Run($"{new string('a', 35)}\n/undo\n{new string('a', 34)}b\n/stats\n").Done().Error;
        Assert.Contains("52 tokens of conversation, 32 of them known from before; 4 tokens of answer", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Undo_retry_reset_and_system_change_the_conversation()
    {
        string saves = string.Join('\n', "/system S", "ab", "/save " + folder["1"], "/set temperature=1 seed=5", "/retry", "/save " + folder["2"], "cd", "/undo", "/save " + folder["3"], "/reset", "/system none", "//x\\", "y", "/save " + folder["4"], "");
        Run(saves).Done();
        (string, string)[] first = Saved("1"), second = Saved("2");
        Assert.Equal(("system", "S"), first[0]);
        Assert.Equal(("user", "ab"), first[1]);
        Assert.Equal(first[..2], second[..2]);
        Assert.NotEqual(first[2], second[2]);
        Assert.Equal(second, Saved("3"));
        Assert.Equal(("user", "/x\ny"), Saved("4")[0]);
    }

    [Fact]
    public void A_saved_conversation_goes_on_where_it_was()
    {
        Run($"ab\n/save {folder["half"]}\ncd\n/save {folder["whole"]}\n", "--adapter", folder["two"]).Done();
        Run($"cd\n/save {folder["again"]}\n", "--load", folder["half"]).Done();
        Assert.Equal(File.ReadAllText(folder["whole"]), File.ReadAllText(folder["again"]));
        // generate reads the same file.
        string answer = Cli.Run("generate", "--model", folder["base"], "--chat", "--prompts", folder["half"], "--max-tokens", "1").Done().Output;
        Assert.NotEqual("", answer);
    }

    [Fact]
    public void A_mixture_answers_as_the_engine_mixes()
    {
        string error = Run("/adapter one=0.5 two=0.25\nab\n/adapter one=x\n/adapter one one\n/adapter nobody\n/adapters\n", 1, "--adapter", folder["one"], "--adapter", folder["two"]).Error;
        Assert.Contains("adapter: one=0.5+two=0.25", error, StringComparison.Ordinal);
        Assert.Contains("'one=x': expected NAME or NAME=WEIGHT", error, StringComparison.Ordinal);
        Assert.Contains("adapter one is named twice", error, StringComparison.Ordinal);
        Assert.Contains("there is no adapter 'nobody'; there are one, two, none", error, StringComparison.Ordinal);
        Assert.Contains("* one ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_mixed_is_said_in_a_users_words()
    {
        TinyFiles.Adapter(folder["three"], folder["base"], "dora");
        string error = Run("/adapter one=0.5 three\nab\n", 1, "--adapter", folder["one"], "--adapter", folder["three"]).Error;
        Assert.Contains("adapter three cannot be mixed", error, StringComparison.Ordinal);
        Assert.DoesNotContain("(Parameter", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_without_a_template_gets_the_layout_of_training()
    {
        File.Delete(folder["base/chat_template.jinja"]);
        Run($"ab\n/save {folder["talk"]}\n").Done();
        Assert.Equal(Generated("<|user|>\nab\n<|assistant|>\n", null), Saved("talk")[1].Content);
    }

    [Fact]
    public void A_conversation_that_is_too_long_says_so_and_stays_as_it_was()
    {
        string error = Run($"ab\n{new string('x', 600)}\n/history\n", 1).Error;
        Assert.Contains("the model's sequences end at 512: /undo takes exchanges back, /reset begins anew", error, StringComparison.Ordinal);
        Assert.DoesNotContain("user: xx", error, StringComparison.Ordinal);
        Assert.Contains("user: ab", error, StringComparison.Ordinal);
        Assert.Contains("cut: the model's sequences end at 512 tokens", Run($"/set max_tokens=50\n{new string('x', 490)}\n").Done().Error, StringComparison.Ordinal);
        Assert.Contains("cut after 4 tokens", Run("ab\n").Done().Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/nothing", "there is no command /nothing; /help lists them")]
    [InlineData("/undo", "nothing was said yet")]
    [InlineData("/retry", "nothing was asked yet")]
    [InlineData("/reset now", "/reset takes nothing after it; found 'now'")]
    [InlineData("/set heat=1", "there is no setting 'heat'; there are temperature, ")]
    [InlineData("/set temperature=warm", "expected temperature=NUMBER")]
    [InlineData("/set top_p=2", "top_p is 2; expected 0 to 1")]
    [InlineData("/set top_k=1.5", "top_k is 1.5; expected a whole number")]
    [InlineData("/set max_tokens=0", "max_tokens is 0; expected 1 or more")]
    [InlineData("/save", "/save needs a file")]
    [InlineData("/load nowhere.json", "nowhere.json cannot be read")]
    [InlineData("/stats", "nothing was answered yet")]
    public void A_command_that_cannot_be_done_is_one_line_and_the_conversation_goes_on(string line, string message)
    {
        CliResult result = Run(line + "\n/system still here\n", 1);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.Contains("system: still here", result.Error, StringComparison.Ordinal);
        Assert.Equal("", result.Output);
    }

    [Theory]
    [InlineData("{}", "has no messages")]
    [InlineData("""{"messages": [{"role": "tool", "content": "x"}]}""", "message 0 has the role 'tool'")]
    [InlineData("""{"messages": [{"role": "user"}]}""", "message 0 has no text as its content")]
    [InlineData("""{"messages": [7]}""", "message 0 has no text as its role")]
    [InlineData("""{"messages": [], "adapter": "/no/such"}""", "there is no adapter '/no/such'")]
    [InlineData("nonsense", "JSON")]
    public void A_file_that_is_no_conversation_is_refused(string text, string message)
    {
        File.WriteAllText(folder["bad"], text);
        Assert.Contains(message, Run($"/load {folder["bad"]}\n", 1).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Bad_options_are_one_line()
    {
        Assert.Contains("--max-tokens is 0", Cli.Run([.. common[..^1], "0"]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("nowhere is no adapter", Cli.Run([.. common, "--adapter", "nowhere"]).Refused(), StringComparison.Ordinal);
        Assert.Contains("the name 'a' is taken", Cli.Run([.. common, "--adapter", "a=" + folder["one"], "--adapter", "a=" + folder["two"]]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("holds no adapters", Cli.Run([.. common, "--adapter-dir", folder["base"]]).Refused(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipe_drives_a_process()
    {
        CliResult result = Cli.Child("printf 'ab\\n/adapters\\n/exit\\nnever\\n' |", [.. common, "--adapter-dir", folder.Path]).Done();
        Assert.NotEqual("", result.Output);
        Assert.Contains("  two   " + folder["two"], result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_stops_the_answer_and_not_the_program()
    {
        using LanguageModel model = Model(100_000);
        ByteTokenizer tokenizer = new();
        using EngineHost host = new(model, tokenizer);
        using SignallingWriter output = new(writes: 20);
        using StringWriter notes = new();
        using ChatSession session = new(host, new TalkLayout(tokenizer, null), new AdapterShelf(host), output, notes)
        {
            Settings = new TalkSettings { Sampling = new SamplingOptions { Seed = 3 }, MaxTokens = 99_000 },
            Ends = [],
        };
        output.Signal = session.Interrupt;
        Assert.Equal(0, await session.RunAsync(new PlainInput(new StringReader("ab\n/history\n/stats\n"))));
        Assert.Contains("stopped", notes.ToString(), StringComparison.Ordinal);
        Assert.InRange(session.Usage!.GeneratedTokens, 20, 98_000);
        Assert.Equal(2, session.Talk.Turns.Count);
        // With no answer in progress it ends the conversation.
        session.Interrupt();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => session.RunAsync(new PlainInput(new StringReader("more\n"))));
        Assert.Equal(0, host.InFlight);
    }

    private static LanguageModel Model(int positions) => ModelLoader.Build(
        new ModelConfig { HiddenSize = 32, IntermediateSize = 48, Layers = 2, Heads = 4, KeyHeads = 2, HeadDim = 8, VocabularySize = 257, MaxPositions = positions },
        new RandomSource(new CounterRandom(1), deviation: 0.4f));

    private (string Role, string Content)[] Saved(string name)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(folder[name]));
        return [.. json.RootElement.GetProperty("messages").EnumerateArray().Select(m => (m.GetProperty("role").GetString()!, m.GetProperty("content").GetString()!))];
    }

    private string Generated(string prompt, string? adapter)
    {
        string answer = Cli.Run("generate", "--model", folder["base"], "--max-tokens", "4", "--json", "--prompt", prompt, "--adapter", adapter ?? "none").Done().Output;
        using JsonDocument json = JsonDocument.Parse(answer);
        return json.RootElement.GetProperty("text").GetString()!;
    }

    private CliResult Run(string lines, params string[] more) => Run(lines, 0, more);

    private CliResult Run(string lines, int code, params string[] more)
    {
        TextReader before = Console.In;
        using StringReader reader = new(lines);
        Console.SetIn(reader);
        try
        {
            CliResult result = Cli.Run([.. common, .. more]);
            Assert.True(result.Code == code, $"exit code {result.Code}, expected {code}\n{result.Output}\n{result.Error}");
            return result;
        }
        finally
        {
            Console.SetIn(before);
        }
    }

    /// <summary>Sends a signal after so many writes.</summary>
    private sealed class SignallingWriter(int writes) : StringWriter
    {
        private int count;

        public Action? Signal { get; set; }

        public override void Write(string? value)
        {
            base.Write(value);
            if (++count == writes)
            {
                Signal!();
            }
        }
    }
}
