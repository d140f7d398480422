using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>Tokens of a request: the prompt once whatever n is, all choices' answers.</summary>
internal sealed class UsageCount
{
    public long Prompt { get; set; }

    public long Completion { get; set; }

    public long Cached { get; set; }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", Prompt);
        json.WriteNumber("completion_tokens", Completion);
        json.WriteNumber("total_tokens", Prompt + Completion);
        json.WriteStartObject("prompt_tokens_details");
        json.WriteNumber("cached_tokens", Cached);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
