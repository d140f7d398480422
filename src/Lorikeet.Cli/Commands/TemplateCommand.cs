using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet template</c>: what a chat template makes of a conversation.</summary>
internal static class TemplateCommand
{
    private static readonly Option<string?> Model = new("--model", "-m") { Description = "The model whose template is used: a folder, a GGUF file, or org/name in the local Hugging Face cache" };
    private static readonly Option<string?> Template = new("--template") { Description = "A template file instead of the model's own", HelpName = "FILE" };
    private static readonly Option<string> Messages = new("--messages") { Description = "A JSON file: an array of messages, or an object with messages, tools and documents", HelpName = "FILE", Required = true };
    private static readonly Option<string?> Tools = new("--tools") { Description = "A JSON file with an array of tools", HelpName = "FILE" };
    private static readonly Option<string?> Documents = new("--documents") { Description = "A JSON file with an array of documents", HelpName = "FILE" };
    private static readonly Option<string?> Name = new("--name") { Description = "Which of a model's several templates" };
    private static readonly Option<string[]> Set = new("--set") { Description = "A further variable, NAME=JSON (text that is no JSON is taken as it is); repeat for several", HelpName = "NAME=VALUE" };
    private static readonly Option<bool> NoPrompt = new("--no-generation-prompt") { Description = "End after the last message, not where the assistant begins" };
    private static readonly Option<string?> Continue = new("--continue") { Description = "Leave the final message open: its field, content where none is named", HelpName = "FIELD", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<DateTime?> Now = new("--now") { Description = "The time that templates see, for example 2025-03-09T14:05:06; default: now" };
    private static readonly Option<bool> Tokens = new("--tokens") { Description = "Token ids after the text, by the model's tokenizer" };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object with text, assistant spans and tokens" };

    /// <summary>The command.</summary>
    public static Command Create()
    {
        Command command = new(
            "template",
            "Lays a conversation out by a model's chat template and prints the text.\n\n" +
            "Examples:\n" +
            "  lorikeet template --model ./chat --messages talk.json\n" +
            "  lorikeet template --model ./chat --messages talk.json --tools tools.json --tokens\n" +
            "  lorikeet template --template my.jinja --messages talk.json --set enable_thinking=false --no-generation-prompt")
        {
            Model, Template, Messages, Tools, Documents, Name, Set, NoPrompt, Continue, Now, Tokens, Json,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        string? model = parsed.GetValue(Model), file = parsed.GetValue(Template);
        bool tokens = parsed.GetValue(Tokens);
        if (model is null && file is null)
        {
            throw new UsageException("there is no template; give --model FOLDER or --template FILE");
        }
        if (model is null && tokens)
        {
            throw new UsageException("--tokens needs the tokenizer of a model; give --model FOLDER");
        }
        using JsonDocument talk = SafeJson.Read(parsed.GetValue(Messages)!);
        using JsonDocument? tools = parsed.GetValue(Tools) is { } toolFile ? SafeJson.Read(toolFile) : null;
        using JsonDocument? documents = parsed.GetValue(Documents) is { } documentFile ? SafeJson.Read(documentFile) : null;
        JsonElement root = talk.RootElement;
        bool whole = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("messages", out _);
        string? field = parsed.GetResult(Continue) is null ? null : parsed.GetValue(Continue) ?? "content";
        ChatRequest request = new()
        {
            Messages = whole ? root.GetProperty("messages") : root,
            Tools = tools?.RootElement ?? (whole ? Member(root, "tools") : null),
            Documents = documents?.RootElement ?? (whole ? Member(root, "documents") : null),
            AddGenerationPrompt = !parsed.GetValue(NoPrompt) && field is null,
            ContinueFinalMessage = field,
            Variables = Variables(parsed.GetValue(Set) ?? []),
            Clock = parsed.GetValue(Now) is { } now ? new FixedClock(now) : TimeProvider.System,
        };
        string? folder = model is null ? null : ModelLocation.Resolve(model);
        Tokenizer? tokenizer = tokens || (folder is not null && File.Exists(folder)) ? Tokenizer.Load(folder!) : null;
        RenderedChat rendered = Choose(folder, file, tokenizer, parsed.GetValue(Name), request).Render(request);
        int[]? ids = tokens ? tokenizer!.Encode(rendered.Text, addSpecialTokens: false) : null;
        if (parsed.GetValue(Json))
        {
            WriteJson(rendered, ids);
            return 0;
        }
        Console.Out.Write(Generate.Terminal.Safe(rendered.Text));
        if (ids is not null || !Console.IsOutputRedirected)
        {
            Console.Out.WriteLine();
        }
        if (ids is not null)
        {
            Console.Out.WriteLine(string.Join(' ', ids));
        }
        return 0;
    }

    private static ChatTemplate Choose(string? folder, string? file, Tokenizer? tokenizer, string? name, ChatRequest request)
    {
        ChatTemplateSet? set = folder is null ? null : File.Exists(folder) ? ChatTemplateSet.Of(tokenizer!) : ChatTemplateSet.Load(folder);
        if (file is null)
        {
            return set!.Choose(name, request.Tools is not null);
        }
        if (name is not null)
        {
            throw new UsageException("--name picks one of a model's templates; --template gives another");
        }
        return (set ?? ChatTemplateSet.Empty).With(file);
    }

    private static JsonElement? Member(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static Dictionary<string, JsonElement> Variables(string[] settings)
    {
        Dictionary<string, JsonElement> variables = [];
        foreach (string setting in settings)
        {
            int at = setting.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0)
            {
                throw new UsageException($"--set is '{setting}'; expected NAME=VALUE");
            }
            variables[setting[..at]] = Value(setting[(at + 1)..]);
        }
        return variables;
    }

    private static JsonElement Value(string text)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(text);
            return json.RootElement.Clone();
        }
        catch (JsonException)
        {
            using JsonDocument json = JsonDocument.Parse(JsonSerializer.Serialize(text));
            return json.RootElement.Clone();
        }
    }

    private static void WriteJson(RenderedChat rendered, int[]? ids)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("text", rendered.Text);
            writer.WriteStartArray("assistant_spans");
            foreach ((int start, int end) in rendered.AssistantSpans)
            {
                writer.WriteStartArray();
                writer.WriteNumberValue(start);
                writer.WriteNumberValue(end);
                writer.WriteEndArray();
            }
            writer.WriteEndArray();
            if (ids is not null)
            {
                writer.WriteStartArray("tokens");
                foreach (int id in ids)
                {
                    writer.WriteNumberValue(id);
                }
                writer.WriteEndArray();
            }
            writer.WriteEndObject();
        }
        Console.Out.WriteLine(Encoding.UTF8.GetString(stream.ToArray()));
    }
}
