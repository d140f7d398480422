using System.Text;
using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>Reads documents from a file: JSON lines, or plain text.</summary>
/// <remarks>
/// <c>.jsonl</c>: one object a line, <c>{"prompt", "completion"}</c> (the completion is learnt), <c>{"messages": [{"role", "content"}]}</c>
/// (what assistants say is learnt; see <see cref="ChatLayout"/>) or <c>{"text"}</c>. Anything else: plain text, one document, or several
/// with a separator. Bytes that are not UTF-8 are refused; errors name file and line.
/// </remarks>
public static class DataFile
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
    private const int LongestLine = 64 << 20;

    /// <summary>Reads all documents.</summary>
    /// <param name="path">The file.</param>
    /// <param name="separator">In plain text, what stands between two documents; null: the file is one document.</param>
    /// <exception cref="BadFileException">The file cannot be read, or a line is not what it should be.</exception>
    public static List<DataRecord> Read(string path, string? separator = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Directory.Exists(path))
        {
            throw new BadFileException($"{path} is a folder; expected a .jsonl or a text file. Name the file.");
        }
        byte[] bytes = ReadBytes(path);
        ReadOnlySpan<byte> content = bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? bytes.AsSpan(3) : bytes;
        List<DataRecord> records = path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".ndjson", StringComparison.OrdinalIgnoreCase)
            ? Lines(path, content)
            : Text(path, content, separator);
        return records.Count > 0 ? records : throw new BadFileException($"{path} holds no document; expected at least one.");
    }

    private static byte[] ReadBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadFileException($"{path} cannot be read: {e.Message}", e);
        }
    }

    private static List<DataRecord> Text(string path, ReadOnlySpan<byte> content, string? separator)
    {
        string all = Decode(content, path, 0);
        string[] documents = string.IsNullOrEmpty(separator) ? [all] : all.Split(separator);
        List<DataRecord> records = [];
        foreach (string document in documents)
        {
            if (document.Length > 0)
            {
                records.Add(new DataRecord([new TextPart(document, true)], true));
            }
        }
        return records;
    }

    private static List<DataRecord> Lines(string path, ReadOnlySpan<byte> content)
    {
        List<DataRecord> records = [];
        for (int number = 1; !content.IsEmpty; number++)
        {
            int end = content.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? content : content[..end];
            content = end < 0 ? default : content[(end + 1)..];
            if (line.Length > LongestLine)
            {
                throw new BadFileException($"{path}, line {number} has {line.Length} bytes; at most {LongestLine} are read. Split the document.");
            }
            string text = Decode(line, path, number);
            if (!string.IsNullOrWhiteSpace(text))
            {
                records.Add(Record(text, $"{path}, line {number}"));
            }
        }
        return records;
    }

    private static string Decode(ReadOnlySpan<byte> bytes, string path, int line)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            int before = line > 0 ? line : bytes[..Math.Min(e.Index, bytes.Length)].Count((byte)'\n') + 1;
            throw new BadFileException($"{path}, line {before} is not UTF-8: {e.Message} Save the file as UTF-8.", e);
        }
    }

    private static DataRecord Record(string text, string where)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 16 });
            JsonElement root = json.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw new BadFileException($"{where} is {SafeJson.Describe(root.ValueKind)}; expected an object with text, prompt and completion, or messages.");
            }
            if (root.TryGetProperty("messages", out JsonElement messages))
            {
                return new DataRecord(ChatLayout.Lay(Turns(messages, where)), false);
            }
            if (root.TryGetProperty("prompt", out _) || root.TryGetProperty("completion", out _))
            {
                return new DataRecord([new TextPart(Field(root, "prompt", where), false), new TextPart(Field(root, "completion", where), true)], false);
            }
            return new DataRecord([new TextPart(Field(root, "text", where), true)], true);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new BadFileException($"{where} is not valid JSON: {e.Message} Expected one object a line.", e);
        }
    }

    private static List<(string Role, string Content)> Turns(JsonElement messages, string where)
    {
        if (messages.ValueKind != JsonValueKind.Array || messages.GetArrayLength() == 0)
        {
            throw new BadFileException($"{where}: messages is {SafeJson.Describe(messages.ValueKind)}; expected a list of at least one {{\"role\", \"content\"}}.");
        }
        List<(string Role, string Content)> turns = [];
        foreach (JsonElement message in messages.EnumerateArray())
        {
            if (message.ValueKind != JsonValueKind.Object)
            {
                throw new BadFileException($"{where}: a message is {SafeJson.Describe(message.ValueKind)}; expected an object with role and content.");
            }
            string role = Field(message, "role", where);
            if (!ChatLayout.Roles.Contains(role))
            {
                throw new BadFileException($"{where}: the role {role} is not known; expected one of {string.Join(", ", ChatLayout.Roles)}.");
            }
            turns.Add((role, Field(message, "content", where)));
        }
        return turns.Exists(t => t.Role == "assistant")
            ? turns
            : throw new BadFileException($"{where}: no message is an assistant's; there is nothing to learn.");
    }

    private static string Field(JsonElement from, string name, string where)
    {
        if (!from.TryGetProperty(name, out JsonElement value))
        {
            string found = string.Join(", ", from.EnumerateObject().Take(6).Select(p => p.Name));
            throw new BadFileException($"{where} has no field \"{name}\" (found: {(found.Length > 0 ? found : "nothing")}); expected text, prompt and completion, or messages.");
        }
        return value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw new BadFileException($"{where}: the field \"{name}\" is {SafeJson.Describe(value.ValueKind)}; expected a string.");
    }
}
