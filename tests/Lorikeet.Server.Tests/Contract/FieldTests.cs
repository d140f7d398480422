using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Contract;

/// <summary>Every field of the contract: good values are taken, bad ones are a 400 that names the field, null is the same as absent.</summary>
public sealed partial class FieldTests(FieldTests.Host host) : IClassFixture<FieldTests.Host>
{
    private const string ChatBody = """{"messages":[{"role":"user","content":"hi"}],"max_completion_tokens":3,"temperature":0}""";
    private const string CompletionBody = """{"prompt":"hi","max_tokens":3,"temperature":0}""";

    public static TheoryData<string> Chat => Names(FieldCases.Chat.Concat(FieldCases.Extensions));

    public static TheoryData<string> Completions => Names(FieldCases.Completions.Concat(FieldCases.Extensions));

    public static TheoryData<string> Embeddings => Names(FieldCases.Embeddings);

    public static TheoryData<string> Responses => Names(FieldCases.Responses);

    public static TheoryData<string> Tokenize => Names(FieldCases.Tokenize);

    public static TheoryData<string> Detokenize => Names(FieldCases.Detokenize);

    [Theory]
    [MemberData(nameof(Chat))]
    public Task Chat_field(string field) => RunAsync("/v1/chat/completions", ChatBody, FieldCases.Chat.Concat(FieldCases.Extensions).First(c => c.Field == field));

    [Theory]
    [MemberData(nameof(Completions))]
    public Task Completion_field(string field) => RunAsync("/v1/completions", CompletionBody, FieldCases.Completions.Concat(FieldCases.Extensions).First(c => c.Field == field));

    [Theory]
    [MemberData(nameof(Embeddings))]
    public Task Embedding_field(string field) => RunAsync("/v1/embeddings", """{"input":"hi"}""", FieldCases.Embeddings.First(c => c.Field == field));

    [Theory]
    [MemberData(nameof(Responses))]
    public Task Response_field(string field) => RunAsync("/v1/responses", """{"input":"hi","max_output_tokens":3,"temperature":0}""", FieldCases.Responses.First(c => c.Field == field));

    [Theory]
    [MemberData(nameof(Tokenize))]
    public Task Tokenize_field(string field) => RunAsync("/tokenize", """{"prompt":"hi"}""", FieldCases.Tokenize.First(c => c.Field == field));

    [Theory]
    [MemberData(nameof(Detokenize))]
    public Task Detokenize_field(string field) => RunAsync("/detokenize", """{"tokens":[97]}""", FieldCases.Detokenize.First(c => c.Field == field));

    /// <summary>The contract's own tables, read: no field is without a row here.</summary>
    [SharedFact("serving-contract.md")]
    public void Every_field_of_the_contract_has_a_row()
    {
        string[] lines = File.ReadAllLines(SharedFiles.Path("serving-contract.md")!);
        Check("### 5.1", FieldCases.Chat.Concat(FieldCases.Extensions));
        Check("## 6.", FieldCases.Completions.Concat(FieldCases.Extensions));
        Check("### 7.1", FieldCases.Embeddings);
        Check("## 13.", FieldCases.Responses);

        void Check(string heading, IEnumerable<FieldCase> cases)
        {
            HashSet<string> known = [.. cases.Select(c => c.Field)];
            int start = Array.FindIndex(lines, l => l.StartsWith(heading, StringComparison.Ordinal));
            List<string> missing = [];
            foreach (string line in lines.Skip(start + 1).TakeWhile(l => !l.StartsWith('#')).Where(l => l.StartsWith('|')))
            {
                string[] cells = line.Split('|', StringSplitOptions.TrimEntries);
                // Groups of extensions list their fields in the second cell.
                bool group = cells[1].Length > 0 && !cells[1].Contains('`', StringComparison.Ordinal) && cells[1] is not ("field" or "group" or "---" or "extensions" or "extensions [V]");
                string text = group ? cells[2] : cells[1];
                foreach (Match name in Name().Matches(group ? Nested().Replace(text, "") : text))
                {
                    if (!known.Contains(name.Groups[1].Value) && name.Groups[1].Value is not ("unsupported_operation" or "extensions" or "false" or "true" or "json" or "regex" or "choice" or "grammar" or "json_object" or "structural_tag" or "response_format" or "n"))
                    {
                        missing.Add(name.Groups[1].Value);
                    }
                }
            }
            Assert.True(missing.Count == 0, $"{heading}: no row for {string.Join(", ", missing.Distinct())}");
        }
    }

    private static TheoryData<string> Names(IEnumerable<FieldCase> cases)
    {
        TheoryData<string> names = [];
        foreach (string field in cases.Select(c => c.Field).Distinct())
        {
            names.Add(field);
        }
        return names;
    }

    private async Task RunAsync(string path, string body, FieldCase field)
    {
        foreach (string good in field.Good)
        {
            Answer answer = await host.Server.PostAsync(path, With(body, field, good));
            Assert.True(answer.Status == 200, $"{field.Field}: {good} gave {answer.Status}: {answer.Body}");
        }
        foreach (string bad in field.Bad)
        {
            Answer answer = await host.Server.PostAsync(path, With(body, field, bad));
            Assert.True(answer.Status is 400 or 404, $"{field.Field}: {bad} gave {answer.Status}: {answer.Body}");
            string? param = answer.Error(answer.Status).GetProperty("param").GetString();
            Assert.True(param is not null && (param.StartsWith(field.Field, StringComparison.Ordinal) || param.StartsWith('/')), $"{field.Field}: {bad} names '{param}'");
        }
    }

    private static string With(string body, FieldCase field, string value)
    {
        JsonObject json = JsonNode.Parse(body)!.AsObject();
        foreach (KeyValuePair<string, JsonNode?> more in JsonNode.Parse("{" + field.With + "}")!.AsObject())
        {
            json[more.Key] = more.Value?.DeepClone();
        }
        json.Remove(field.Field);
        string text = json.ToJsonString();
        return $"{text[..^1]}{(text.Length > 2 ? "," : "")}\"{field.Field}\":{value}}}";
    }

    [GeneratedRegex("`([a-z_]+)`")]
    private static partial Regex Name();

    [GeneratedRegex(@"\([^)]*\)")]
    private static partial Regex Nested();

    /// <summary>One server for all fields.</summary>
    public sealed class Host : IAsyncLifetime
    {
        public TinyServer Server { get; private set; } = null!;

        public async Task InitializeAsync() => Server = await TinyServer.StartAsync();

        public async Task DisposeAsync() => await Server.DisposeAsync();
    }
}
