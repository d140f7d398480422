using System.Text;
using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text.Templates;

namespace Lorikeet.Models.Text;

/// <summary>
/// The chat templates of a model: <c>chat_template.jinja</c> and <c>additional_chat_templates/NAME.jinja</c>, else <c>chat_template</c> of
/// tokenizer_config.json (one, or a list with names), else of chat_template.json; with the special tokens they may name.
/// </summary>
public sealed class ChatTemplateSet
{
    private const string DefaultName = "default";
    private const string ToolName = "tool_use";
    private const string FileName = "chat_template.jinja";
    private const string FolderName = "additional_chat_templates";
    private const string MapName = "special_tokens_map.json";
    private const int MostBytes = 10 << 20;

    private readonly Dictionary<string, string> sources = [];
    private readonly List<KeyValuePair<string, Value>> tokens = [];
    private readonly string place;

    private ChatTemplateSet(string place, Func<string, ReadOnlyMemory<byte>?> read, IEnumerable<(string Name, ReadOnlyMemory<byte> Bytes)> additional)
    {
        this.place = place;
        if (read(FileName) is { } file)
        {
            sources.Add(DefaultName, Decode(file, FileName));
        }
        foreach ((string name, ReadOnlyMemory<byte> bytes) in additional)
        {
            sources[name] = Decode(bytes, $"{FolderName}/{name}.jinja");
        }
        ReadConfig(read(TokenizerFile.ConfigName), TokenizerFile.ConfigName);
        ReadConfig(read(MapName), MapName);
        ReadConfig(read("chat_template.json"), "chat_template.json");
    }

    /// <summary>The names of the templates; the usual one is <c>default</c>. Empty: the model has none.</summary>
    public IReadOnlyCollection<string> Names => sources.Keys;

    /// <summary>No template and no special token.</summary>
    public static ChatTemplateSet Empty { get; } = new("", _ => null, []);

    /// <summary>Reads the templates of a model's folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="BadFileException">A file is not what it should be.</exception>
    public static ChatTemplateSet Load(string folder)
    {
        string inner = Path.Combine(folder, FolderName);
        IEnumerable<(string, ReadOnlyMemory<byte>)> additional = Directory.Exists(inner)
            ? Directory.EnumerateFiles(inner, "*.jinja").Order(StringComparer.Ordinal).Select(f => (Path.GetFileNameWithoutExtension(f), (ReadOnlyMemory<byte>)Bytes(f)))
            : [];
        return new ChatTemplateSet(folder, name => File.Exists(Path.Combine(folder, name)) ? (ReadOnlyMemory<byte>?)Bytes(Path.Combine(folder, name)) : null, additional);
    }

    /// <summary>The templates that came with a tokenizer, from a folder or a GGUF file.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <exception cref="BadFileException">A file is not what it should be.</exception>
    public static ChatTemplateSet Of(Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        IReadOnlyList<(string Name, ReadOnlyMemory<byte> Bytes)> files = tokenizer.CompanionFiles;
        return new ChatTemplateSet("the tokenizer", name => files.Any(f => f.Name == name) ? (ReadOnlyMemory<byte>?)files.First(f => f.Name == name).Bytes : null, []);
    }

    /// <summary>Picks a template: the one of a name; else with tools <c>tool_use</c>, where there is one; else <c>default</c>.</summary>
    /// <param name="name">The name; null: none is asked for.</param>
    /// <param name="tools">Whether the conversation has tools.</param>
    /// <exception cref="BadFileException">There is none that fits; the message lists them.</exception>
    /// <exception cref="TemplateException">It is no template.</exception>
    public ChatTemplate Choose(string? name = null, bool tools = false)
    {
        string chosen = name ?? (tools && sources.ContainsKey(ToolName) ? ToolName : DefaultName);
        if (sources.TryGetValue(chosen, out string? source))
        {
            return ChatTemplate.Parse(source, tokens, chosen == DefaultName ? "chat template" : $"chat template {chosen}");
        }
        throw new BadFileException(sources.Count == 0
            ? $"{place} has no chat template: neither {FileName} nor chat_template in {TokenizerFile.ConfigName}. Give one with --template FILE, or give a plain prompt"
            : $"{place} has no chat template '{chosen}'; it has {string.Join(", ", sources.Keys)}");
    }

    /// <summary>A template of another file, with this model's special tokens.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="BadFileException">The file cannot be read, or is not UTF-8.</exception>
    /// <exception cref="TemplateException">It is no template.</exception>
    public ChatTemplate With(string file) => ChatTemplate.Parse(Decode(Bytes(file), Path.GetFullPath(file)), tokens, file);

    private static byte[] Bytes(string path)
    {
        try
        {
            long length = new FileInfo(path).Length;
            return length <= MostBytes ? File.ReadAllBytes(path) : throw new BadFileException($"{path} has {length} bytes; at most {MostBytes} are read. Is it the right file?");
        }
        catch (Exception e) when (e is IOException and not BadFileException or UnauthorizedAccessException)
        {
            throw new BadFileException($"{path} cannot be read: {e.Message}", e);
        }
    }

    private string Decode(ReadOnlyMemory<byte> bytes, string name)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes.Span);
        }
        catch (DecoderFallbackException e)
        {
            throw new BadFileException($"{Path.Combine(place, name)} is not UTF-8 at byte {e.Index}; expected a template in UTF-8.", e);
        }
    }

    // Templates that are known already stay: files of their own come before the configuration.
    private void ReadConfig(ReadOnlyMemory<byte>? bytes, string name)
    {
        if (bytes is not { } given)
        {
            return;
        }
        string path = Path.Combine(place, name);
        using JsonDocument json = SafeJson.Parse(given, path);
        JsonPart root = new JsonPart(json.RootElement, path, "the configuration").AsObject();
        if (sources.Count == 0 && root.TryGet("chat_template", out JsonPart template))
        {
            ReadTemplates(root, template);
        }
        foreach (JsonProperty member in json.RootElement.EnumerateObject())
        {
            bool list = member.Value.ValueKind == JsonValueKind.Array && member.Name is "additional_special_tokens" or "extra_special_tokens";
            if ((list || member.Name.EndsWith("_token", StringComparison.Ordinal)) && !tokens.Exists(t => t.Key == member.Name) && Token(member.Value) is { } token)
            {
                tokens.Add(new(member.Name, token));
            }
        }
    }

    private void ReadTemplates(JsonPart root, JsonPart template)
    {
        if (template.Element.ValueKind != JsonValueKind.Array)
        {
            sources.Add(DefaultName, root.Text("chat_template")!);
            return;
        }
        foreach (JsonPart named in root.Items("chat_template"))
        {
            string name = named.AsObject().Text("name") ?? throw named.Bad("has no name; expected {\"name\", \"template\"}.");
            sources[name] = named.Text("template") ?? throw named.Bad("has no template; expected {\"name\", \"template\"}.");
        }
    }

    // A token is its text or an object with its content and flags; a list of them is a list.
    private static Value? Token(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => new StringValue(value.GetString()!),
        JsonValueKind.Object when value.TryGetProperty("content", out JsonElement content) && content.ValueKind == JsonValueKind.String => new StringValue(content.GetString()!),
        JsonValueKind.Array => new ListValue([.. value.EnumerateArray().Select(Token).OfType<Value>()]),
        _ => null,
    };
}
