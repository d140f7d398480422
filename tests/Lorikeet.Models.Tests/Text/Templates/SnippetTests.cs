using System.Text.Json;
using Lorikeet.Models.Text;

namespace Lorikeet.Models.Tests.Text.Templates;

/// <summary>
/// Snippets with what Jinja 3.1.6 made of them, in a sandbox set up as Transformers sets it up (trim_blocks, lstrip_blocks, loop controls,
/// tojson): filters, tests, operators, methods and formats with values of every type, whitespace, scopes, macros, mistakes.
/// </summary>
public sealed class SnippetTests
{
    private const string Conversation = """
        {"messages": [{"role": "system", "content": "sys"}, {"role": "user", "content": "Hi é😀 <b>"}, {"role": "assistant", "content": "yo"}],
         "variables": {"d": {"b": 1, "a": [1, 2.5, null, true], "items": "I", "n": {"x": {"y": "z"}}}, "l": [3, 1, 2], "s": "Hello World it's", "u": "naïve 😀 Ωß",
          "f": 2.5, "i": 7, "t": true, "n": null, "users": [{"name": "Bo", "age": 41, "tags": ["x", "y"]}, {"name": "al", "age": 30}, {"name": "Cy", "age": 30, "nick": "c"}],
          "big": 123456789012345678901234567890, "e": "", "neg": -3, "text": "line one\n\n  line two\tend\r\nthree - four-five six",
          "url": "see http://example.com/a?b=c, or www.x.org. mail a@b.co (https://foo.bar)"}}
        """;

    [Fact]
    public void Every_snippet_gives_what_jinja_gives()
    {
        using JsonDocument given = JsonDocument.Parse(Conversation);
        Dictionary<string, JsonElement> variables = given.RootElement.GetProperty("variables").EnumerateObject().ToDictionary(p => p.Name, p => p.Value);
        ChatRequest request = new() { Messages = given.RootElement.GetProperty("messages"), Variables = variables, Clock = new StoppedClock() };
        Dictionary<string, string> tokens = new() { ["bos_token"] = "<s>", ["eos_token"] = "</s>" };
        List<string> wrong = [];
        int count = 0;
        using StreamReader lines = new(typeof(SnippetTests).Assembly.GetManifestResourceStream("jinja-snippets.jsonl")!);
        while (lines.ReadLine() is { } line)
        {
            using JsonDocument json = JsonDocument.Parse(line);
            string source = json.RootElement.GetProperty("template").GetString()!;
            string expected = json.RootElement.TryGetProperty("text", out JsonElement text) ? "text: " + text.GetString() : "error: " + json.RootElement.GetProperty("error").GetString();
            string found;
            try
            {
                found = "text: " + ChatTemplate.Parse(source, tokens).Render(request).Text;
            }
            catch (TemplateException e)
            {
                found = "error: " + (e.Kind == TemplateErrorKind.Raised ? "raise_exception" : e.Kind.ToString().ToLowerInvariant());
            }
            if (found != expected)
            {
                wrong.Add($"{source}\n  expected {expected}\n  found    {found}");
            }
            count++;
        }
        Assert.True(count > 1500, $"{count} snippets");
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {count} differ:\n{string.Join('\n', wrong.Take(20))}");
    }

    private sealed class StoppedClock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2025, 3, 9, 14, 5, 6, TimeSpan.Zero);
    }
}
