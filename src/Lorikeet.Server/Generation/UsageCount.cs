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

    /// <summary>In the words of <c>/v1/responses</c>.</summary>
    public void WriteForResponse(Utf8JsonWriter json)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("input_tokens", Prompt);
        json.WriteStartObject("input_tokens_details");
        json.WriteNumber("cached_tokens", Cached);
        json.WriteNumber("cache_write_tokens", 0);
        json.WriteEndObject();
        json.WriteNumber("output_tokens", Completion);
        json.WriteStartObject("output_tokens_details");
        json.WriteNumber("reasoning_tokens", 0);
        json.WriteEndObject();
        json.WriteNumber("total_tokens", Prompt + Completion);
        json.WriteEndObject();
    }

    /// <summary>In an event of a stream: the counts in the last one, in each where they were asked for all along, else null where they were asked for at all.</summary>
    public void WriteInStream(Utf8JsonWriter json, GenerationSpec spec, bool last)
    {
        if (last || spec.ContinuousUsage)
        {
            Write(json);
        }
        else if (spec.IncludeUsage)
        {
            json.WriteNull("usage");
        }
    }
}
