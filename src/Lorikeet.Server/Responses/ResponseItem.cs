using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>An item of a response's output: a message, or a call.</summary>
/// <param name="index">Its place in the output.</param>
/// <param name="callId">The call's id; null: a message.</param>
/// <param name="name">The function's name; null: a message.</param>
internal sealed class ResponseItem(int index, string? callId, string? name)
{
    public const string Running = "in_progress", Complete = "completed", Cut = "incomplete";

    public int Index => index;

    public string Id { get; } = (callId is null ? "msg_" : "fc_") + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    public string? Name => name;

    public bool IsMessage => callId is null;

    /// <summary>The message's text, or the call's arguments.</summary>
    public StringBuilder Text { get; } = new();

    /// <summary>The scores of the message's tokens.</summary>
    public List<ScoredToken> Scores { get; } = [];

    /// <summary>Writes the item as an object.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="status">How it stands.</param>
    /// <param name="begun">Whether it has content yet.</param>
    /// <param name="logprobs">Writes scores.</param>
    public void Write(Utf8JsonWriter json, string status, bool begun, Action<Utf8JsonWriter, IReadOnlyList<ScoredToken>> logprobs)
    {
        json.WriteStartObject();
        json.WriteString("type", IsMessage ? "message" : "function_call");
        json.WriteString("id", Id);
        json.WriteString("status", status);
        if (IsMessage)
        {
            json.WriteString("role", "assistant");
            json.WriteStartArray("content");
            if (begun)
            {
                WritePart(json, begun, logprobs);
            }
            json.WriteEndArray();
        }
        else
        {
            json.WriteString("call_id", callId);
            json.WriteString("name", name);
            json.WriteString("arguments", begun ? Text.ToString() : "");
        }
        json.WriteEndObject();
    }

    /// <summary>Writes the message's only part.</summary>
    public void WritePart(Utf8JsonWriter json, bool begun, Action<Utf8JsonWriter, IReadOnlyList<ScoredToken>> logprobs)
    {
        json.WriteStartObject();
        json.WriteString("type", "output_text");
        json.WriteString("text", begun ? Text.ToString() : "");
        json.WriteStartArray("annotations");
        json.WriteEndArray();
        json.WritePropertyName("logprobs");
        logprobs(json, begun ? Scores : []);
        json.WriteEndObject();
    }
}
