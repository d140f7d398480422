using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Tests;

/// <summary><c>lorikeet generate</c> as a user calls it.</summary>
[Collection("console")]
public sealed class GenerateCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public GenerateCommandTests()
    {
        using LanguageModel model = ModelLoader.Build(
            new ModelConfig { HiddenSize = 32, IntermediateSize = 48, Layers = 2, Heads = 4, KeyHeads = 2, HeadDim = 8, VocabularySize = 257, MaxPositions = 256 },
            new RandomSource(new CounterRandom(1), deviation: 0.4f));
        Directory.CreateDirectory(folder["base"]);
        ModelWriter.Save(model, folder["base"]);
        new ByteTokenizer().Save(folder["base"]);
        foreach (string name in new[] { "one", "two" })
        {
            JsonObject config = new() { ["r"] = 4, ["target_modules"] = "all-linear", ["init_lora_weights"] = false };
            using TrainedAdapter adapter = AdapterMethods.Find("lora").Create(name, model, config, new CounterRandom(2).Named(name));
            foreach (Parameter parameter in adapter.Parameters)
            {
                new CounterRandom(3).Named(name + parameter.Name).FillNormal(parameter.Value.Span, 0.3f);
            }
            AdapterFolder.Save(adapter, folder[name]);
        }
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_batch_gives_each_row_its_own_adapter_and_the_answer_it_has_alone()
    {
        string[] common = ["generate", "--model", folder["base"], "--max-tokens", "12", "--ignore-end", "--json"];
        (int code, string text, _) = await Run([.. common, "--prompt", "The sea", "--adapter", "none", "--adapter", folder["one"], "--adapter", folder["two"]]);
        Assert.Equal(0, code);
        Dictionary<int, string> rows = Rows(text);
        Assert.Equal(3, rows.Values.Distinct().Count());
        string?[] adapters = [null, folder["one"], folder["two"]];
        for (int i = 0; i < 3; i++)
        {
            string[] own = adapters[i] is { } adapter ? ["--adapter", adapter] : [];
            Assert.Equal(rows[i], Rows((await Run([.. common, "--prompt", "The sea", .. own])).Out)[0]);
        }
        await File.WriteAllTextAsync(
            folder["requests.jsonl"], $"{{\"prompt\":\"The sea\",\"adapter\":{JsonSerializer.Serialize(folder["two"])}}}\n\n{{\"prompt\":\"The sea\"}}\n");
        Dictionary<int, string> fromFile = Rows((await Run([.. common, "--prompts", folder["requests.jsonl"]])).Out);
        Assert.Equal((rows[2], rows[0]), (fromFile[0], fromFile[1]));
    }

    [Fact]
    public async Task A_conversation_is_laid_out_by_the_models_template()
    {
        await File.WriteAllTextAsync(folder["base/chat_template.jinja"], "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}");
        string[] common = ["generate", "--model", folder["base"], "--max-tokens", "5", "--ignore-end", "--json"];
        string plain = Rows((await Run([.. common, "--prompt", "<system>Be brief<user>Hi<assistant>"])).Out)[0];
        (int code, string text, _) = await Run([.. common, "--chat", "--system", "Be brief", "--prompt", "Hi"]);
        Assert.Equal(0, code);
        Assert.Equal(plain, Rows(text)[0]);
        using (JsonDocument json = JsonDocument.Parse(text))
        {
            Assert.Equal("<system>Be brief<user>Hi<assistant>", json.RootElement.GetProperty("prompt").GetString());
        }
        await File.WriteAllTextAsync(folder["talk.jsonl"], """{"messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}]}""");
        Assert.Equal(plain, Rows((await Run([.. common, "--chat", "--prompts", folder["talk.jsonl"]])).Out)[0]);
        Assert.Equal(2, (await Run([.. common, "--prompts", folder["talk.jsonl"]])).Code);
        Assert.Equal(2, (await Run([.. common, "--prompt", "Hi", "--system", "Be brief"])).Code);
    }

    [Fact]
    public async Task The_models_suggestions_hold_where_the_command_line_says_nothing()
    {
        string[] common = ["generate", "--model", folder["base"], "--max-tokens", "30", "--json", "--prompt", "The sea"];
        string greedy = Rows((await Run([.. common, "--ignore-end"])).Out)[0];
        string drawn = Rows((await Run([.. common, "--ignore-end", "--temperature", "0.7", "--top-k", "5", "--top-p", "0.9"])).Out)[0];
        Assert.NotEqual(greedy, drawn);
        string suggestions = Path.Combine(folder["base"], "generation_config.json");
        await File.WriteAllTextAsync(suggestions, "{\"_from_model_config\": true, \"do_sample\": true, \"temperature\": 0.7, \"top_k\": 5, \"top_p\": 0.9, \"eos_token_id\": [3, 4]}");
        Assert.Equal(drawn, Rows((await Run([.. common, "--ignore-end"])).Out)[0]);
        Assert.Equal(greedy, Rows((await Run([.. common, "--ignore-end", "--temperature", "0"])).Out)[0]);
        // The ends are those of the file: a token that the answer has.
        using JsonDocument answer = JsonDocument.Parse(greedy);
        int first = answer.RootElement[1].GetInt32();
        await File.WriteAllTextAsync(suggestions, $"{{\"do_sample\": false, \"temperature\": 0.7, \"eos_token_id\": [{first}, 255]}}");
        Assert.Contains("\"finish_reason\":\"stop\"", (await Run(common)).Out, StringComparison.Ordinal);
        await File.WriteAllTextAsync(suggestions, "{\"temperature\": -1}");
        (int code, _, string error) = await Run(common);
        Assert.Equal(1, code);
        Assert.Contains("temperature is -1", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_beam_search_finds_answers_at_least_as_likely_as_the_greedy_one()
    {
        string[] common = ["generate", "--model", folder["base"], "--max-tokens", "8", "--ignore-end", "--json", "--prompt", "The sea"];
        (int code, string four, _) = await Run([.. common, "--beams", "4", "--adapter", "none", "--adapter", folder["one"]]);
        Assert.Equal(0, code);
        Assert.Equal(2, Rows(four).Values.Distinct().Count());
        using LanguageModel model = ModelLoader.Load(folder["base"]);
        using PagePool pool = new(1 << 26);
        int[] expected = [.. new Serving.BeamSearch(model, pool).Run(new ByteTokenizer().Encode("The sea"), new Serving.BeamOptions { Beams = 4, MaxTokens = 8, EndIds = [] })[0].Tokens];
        using JsonDocument answer = JsonDocument.Parse(four.Split('\n')[0]);
        Assert.Equal(expected, answer.RootElement.GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32()));
    }

    [Fact]
    public async Task Text_comes_after_the_prompt_and_several_rows_are_labelled()
    {
        string[] common = ["generate", "--model", folder["base"], "--max-tokens", "5", "--prompt", "Hello"];
        (int code, string one, string summary) = await Run(common);
        Assert.Equal(0, code);
        Assert.StartsWith("Hello", one, StringComparison.Ordinal);
        Assert.Contains("1 answers, ", summary, StringComparison.Ordinal);
        (_, string two, _) = await Run([.. common, "--adapter", folder["one"], "--adapter", "none"]);
        Assert.Contains("[1 one ] Hello", two, StringComparison.Ordinal);
        Assert.Contains("[2 base] Hello", two, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "there is no prompt")]
    [InlineData(2, "--max-tokens is 0", "--prompt", "x", "--max-tokens", "0")]
    [InlineData(2, "top_p is 2", "--prompt", "x", "--top-p", "2")]
    [InlineData(2, "2 prompts and 3 adapters", "--prompt", "x", "--prompt", "y", "--adapter", "a", "--adapter", "b", "--adapter", "c")]
    [InlineData(2, "--stop is empty", "--prompt", "x", "--stop", "")]
    [InlineData(2, "--beams is 0", "--prompt", "x", "--beams", "0")]
    [InlineData(2, "--temperature does not go with --beams", "--prompt", "x", "--beams", "2", "--temperature", "1")]
    [InlineData(2, "--stop does not go with --beams", "--prompt", "x", "--beams", "2", "--stop", "y")]
    [InlineData(1, "nowhere", "--prompt", "x", "--adapter", "nowhere")]
    [InlineData(2, "--adapter-type q4: expected exact, f32, bf16 or int8", "--prompt", "x", "--adapter-type", "q4")]
    [InlineData(1, "the prompt is empty", "--prompt", "")]
    [InlineData(1, "nowhere.jsonl", "--prompts", "nowhere.jsonl")]
    public async Task Errors_are_one_line(int expected, string message, params string[] args)
    {
        (int code, _, string error) = await Run(["generate", "--model", folder["base"], .. args]);
        Assert.Equal(expected, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.StartsWith("lorikeet: ", error, StringComparison.Ordinal);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static Dictionary<int, string> Rows(string lines) => lines.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => JsonNode.Parse(line)!)
        .ToDictionary(row => (int)row["index"]!, row => row["tokens"]!.ToJsonString());

    private static async Task<(int Code, string Out, string Error)> Run(string[] args)
    {
        (TextWriter o, TextWriter e) = (Console.Out, Console.Error);
        using StringWriter output = new(), error = new();
        Console.SetOut(output);
        Console.SetError(error);
        try
        {
            int code = await CommandLine.RunAsync(args);
            return (code, output.ToString(), error.ToString());
        }
        finally
        {
            Console.SetOut(o);
            Console.SetError(e);
        }
    }
}
