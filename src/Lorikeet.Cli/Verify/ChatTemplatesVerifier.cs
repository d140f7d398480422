using System.Globalization;
using System.Text;
using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Cli.Verify;

/// <summary>
/// Area <c>chat-templates</c>: files <c>NAME.cases.json</c> beside the template they name. Texts and spans must be equal, failures of the same
/// kind, and a template's own refusal in the same words.
/// </summary>
internal sealed class ChatTemplatesVerifier : IVerifier
{
    private const string Suffix = ".cases.json";

    /// <inheritdoc/>
    public string Area => "chat-templates";

    /// <inheritdoc/>
    public bool TakesFiles => true;

    /// <inheritdoc/>
    public IEnumerable<string> Cases(string folder) =>
        Directory.EnumerateFiles(folder, "*" + Suffix, SearchOption.AllDirectories).Order(StringComparer.Ordinal);

    /// <inheritdoc/>
    public void Verify(string file, CaseReport report)
    {
        using JsonDocument json = SafeJson.ReadObject(file);
        string folder = Path.GetDirectoryName(file)!;
        string template = json.RootElement.TryGetProperty("template", out JsonElement name) ? name.GetString()! : Path.GetFileName(file).Replace(Suffix, ".jinja", StringComparison.Ordinal);
        string source = new UTF8Encoding(false, true).GetString(File.ReadAllBytes(Path.Combine(folder, template)));
        int number = 0;
        foreach (JsonElement item in json.RootElement.GetProperty("cases").EnumerateArray())
        {
            Case(source, item, $"{number++} {(item.TryGetProperty("name", out JsonElement label) ? label.GetString() : "")}", report);
        }
    }

    private static void Case(string source, JsonElement item, string name, CaseReport report)
    {
        RenderedChat? rendered = null;
        TemplateException? failure = null;
        try
        {
            Dictionary<string, string> tokens = [];
            foreach (string token in (string[])["bos_token", "eos_token"])
            {
                if (item.TryGetProperty(token, out JsonElement text) && text.ValueKind == JsonValueKind.String)
                {
                    tokens.Add(token, text.GetString()!);
                }
            }
            rendered = ChatTemplate.Parse(source, tokens).Render(Request(item));
        }
        catch (TemplateException e)
        {
            failure = e;
        }
        if (item.TryGetProperty("error", out JsonElement error))
        {
            Failure(error, name, rendered, failure, report);
            return;
        }
        string expected = item.GetProperty("rendered").GetString()!;
        report.Equal($"{name}: rendered", rendered?.Text == expected, failure is not null ? $"failed: {failure.Message}" : Difference(expected, rendered!.Text));
        if (item.TryGetProperty("assistant_spans", out JsonElement spans))
        {
            string wanted = string.Join(' ', spans.EnumerateArray().Select(s => $"{s[0].GetInt32()}-{s[1].GetInt32()}"));
            string got = rendered is null ? "none" : string.Join(' ', rendered.AssistantSpans.Select(s => $"{s.Start}-{s.End}"));
            report.Equal($"{name}: assistant_spans", wanted == got, $"expected {wanted}, computed {got}");
        }
    }

    private static void Failure(JsonElement error, string name, RenderedChat? rendered, TemplateException? failure, CaseReport report)
    {
        string kind = error.GetProperty("kind").GetString()!;
        string got = failure is null ? $"the text {Quoted(rendered!.Text, 0)}" : $"{Word(failure.Kind)}: {failure.Message}";
        report.Equal($"{name}: error", failure is not null && Word(failure.Kind) == kind, $"expected {kind}, computed {got}");
        if (kind == "raise_exception" && failure is not null)
        {
            string message = error.GetProperty("message").GetString()!;
            report.Equal($"{name}: message", failure.Reason == message, $"expected {Quoted(message, 0)}, computed {Quoted(failure.Reason, 0)}");
        }
    }

    private static ChatRequest Request(JsonElement item)
    {
        Dictionary<string, JsonElement> variables = [];
        if (item.TryGetProperty("kwargs", out JsonElement kwargs) && kwargs.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty variable in kwargs.EnumerateObject())
            {
                variables.Add(variable.Name, variable.Value);
            }
        }
        JsonElement go = item.GetProperty("continue_final_message");
        return new ChatRequest
        {
            Messages = item.GetProperty("messages"),
            Tools = Given(item, "tools"),
            Documents = Given(item, "documents"),
            AddGenerationPrompt = item.GetProperty("add_generation_prompt").GetBoolean(),
            ContinueFinalMessage = go.ValueKind == JsonValueKind.String ? go.GetString() : go.ValueKind == JsonValueKind.True ? "content" : null,
            Variables = variables,
            Clock = new FixedClock(DateTime.Parse(item.GetProperty("now").GetString()!, CultureInfo.InvariantCulture)),
        };
    }

    private static JsonElement? Given(JsonElement item, string name) =>
        item.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static string Word(TemplateErrorKind kind) => kind switch
    {
        TemplateErrorKind.Syntax => "syntax",
        TemplateErrorKind.Undefined => "undefined",
        TemplateErrorKind.Security => "security",
        TemplateErrorKind.Raised => "raise_exception",
        TemplateErrorKind.EmptyConversation => "empty_conversation",
        TemplateErrorKind.ContinueFinalMessage => "continue_final_message",
        TemplateErrorKind.Limit => "limit",
        _ => "runtime",
    };

    private static string Difference(string expected, string got)
    {
        int at = expected.AsSpan().CommonPrefixLength(got);
        return $"differs from character {at} on: expected {Quoted(expected, at)}, computed {Quoted(got, at)}";
    }

    private static string Quoted(string text, int at) => JsonSerializer.Serialize(new string([.. text.Skip(at).Take(60).Select(c => char.IsSurrogate(c) ? '?' : c)]));
}
