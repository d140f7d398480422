using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Chat;

/// <summary>A turn of a conversation.</summary>
/// <param name="Role">user or assistant.</param>
/// <param name="Content">What was said.</param>
internal readonly record struct Turn(string Role, string Content)
{
    public const string User = "user", Assistant = "assistant", System = "system";
}

/// <summary>What was said so far.</summary>
internal sealed class Talk
{
    private const long MostBytes = 16 << 20;
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What the system says first; null: nothing.</summary>
    public string? System { get; set; }

    /// <summary>Users' and assistants' turns.</summary>
    public List<Turn> Turns { get; } = [];

    /// <summary>All turns, the system's first.</summary>
    public IEnumerable<Turn> All => System is null ? Turns : Turns.Prepend(new Turn(Turn.System, System));

    /// <summary>Takes the last exchange back: the last answer and what it answered.</summary>
    /// <returns>What was asked; null: nothing was.</returns>
    public string? Undo()
    {
        DropAnswer();
        if (Turns.Count == 0)
        {
            return null;
        }
        string asked = Turns[^1].Content;
        Turns.RemoveAt(Turns.Count - 1);
        return asked;
    }

    /// <summary>Takes the last answer back, so that what was asked can be answered again.</summary>
    /// <returns>Whether something waits for an answer then.</returns>
    public bool DropAnswer()
    {
        while (Turns.Count > 0 && Turns[^1].Role == Turn.Assistant)
        {
            Turns.RemoveAt(Turns.Count - 1);
        }
        return Turns.Count > 0;
    }

    /// <summary>The messages as a JSON array.</summary>
    public JsonElement Messages()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, Plain))
        {
            Write(writer);
        }
        using JsonDocument json = JsonDocument.Parse(stream.ToArray());
        return json.RootElement.Clone();
    }

    /// <summary>Writes one line of JSON: <c>{"messages": [...], "adapter": folder}</c>, which trains (<c>train --data</c>) and asks again (<c>generate --chat --prompts</c>).</summary>
    /// <param name="path">The file.</param>
    /// <param name="adapter">The adapter's folder; null: it is left out.</param>
    public void Save(string path, string? adapter)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, Plain))
        {
            writer.WriteStartObject();
            writer.WritePropertyName("messages");
            Write(writer);
            if (adapter is not null)
            {
                writer.WriteString("adapter", adapter);
            }
            writer.WriteEndObject();
        }
        AtomicFile.WriteText(path, Encoding.UTF8.GetString(stream.ToArray()) + "\n");
    }

    /// <summary>Reads what <see cref="Save"/> writes.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The conversation, and the adapter's folder or null.</returns>
    /// <exception cref="BadFileException">It holds no conversation.</exception>
    public static (Talk Talk, string? Adapter) Load(string path)
    {
        using JsonDocument json = SafeJson.ReadObject(path, MostBytes);
        if (!json.RootElement.TryGetProperty("messages", out JsonElement messages) || messages.ValueKind != JsonValueKind.Array)
        {
            throw new BadFileException($"{path} has no messages; expected {{\"messages\": [{{\"role\": ..., \"content\": ...}}]}}.");
        }
        Talk talk = new();
        int number = 0;
        foreach (JsonElement message in messages.EnumerateArray())
        {
            string role = Text(message, "role", path, number), content = Text(message, "content", path, number);
            if (role == Turn.System && number == 0)
            {
                talk.System = content;
            }
            else if (role is Turn.User or Turn.Assistant)
            {
                talk.Turns.Add(new Turn(role, content));
            }
            else
            {
                throw new BadFileException($"{path}, message {number} has the role '{role}'; expected user or assistant, or system in the first message.");
            }
            number++;
        }
        string? adapter = json.RootElement.TryGetProperty("adapter", out JsonElement named) && named.ValueKind == JsonValueKind.String ? named.GetString() : null;
        return (talk, adapter);
    }

    private static string Text(JsonElement message, string key, string path, int number) =>
        message.ValueKind == JsonValueKind.Object && message.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw new BadFileException($"{path}, message {number} has no text as its {key}; expected {{\"role\": ..., \"content\": ...}}.");

    private void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartArray();
        foreach (Turn turn in All)
        {
            writer.WriteStartObject();
            writer.WriteString("role", turn.Role);
            writer.WriteString("content", turn.Content);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }
}
