using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>What an answer of <c>/v1/responses</c> repeats of its request.</summary>
internal sealed class ResponseEcho(Fields body, ChatJob job)
{
    public void Write(Utf8JsonWriter json)
    {
        Copy(json, "instructions");
        Copy(json, "max_output_tokens");
        if (body.Has("metadata"))
        {
            Copy(json, "metadata");
        }
        else
        {
            json.WriteStartObject("metadata");
            json.WriteEndObject();
        }
        json.WriteBoolean("parallel_tool_calls", body.Flag("parallel_tool_calls") ?? true);
        json.WriteNull("previous_response_id");
        if (job.Tier)
        {
            json.WriteString("service_tier", "default");
        }
        json.WriteBoolean("store", false);
        json.WriteNumber("temperature", job.Spec.Sampling.Temperature);
        WriteText(json);
        if (body.Has("tool_choice"))
        {
            Copy(json, "tool_choice");
        }
        else
        {
            json.WriteString("tool_choice", "auto");
        }
        if (body.Has("tools"))
        {
            Copy(json, "tools");
        }
        else
        {
            json.WriteStartArray("tools");
            json.WriteEndArray();
        }
        json.WriteNumber("top_logprobs", Math.Max(0, job.Top));
        json.WriteNumber("top_p", job.Spec.Sampling.TopP);
        json.WriteString("truncation", "disabled");
    }

    private void WriteText(Utf8JsonWriter json)
    {
        json.WriteStartObject("text");
        json.WritePropertyName("format");
        if (body.Object("text") is { } text && text.TryGet("format", out JsonElement format))
        {
            format.WriteTo(json);
        }
        else
        {
            json.WriteStartObject();
            json.WriteString("type", "text");
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private void Copy(Utf8JsonWriter json, string name)
    {
        json.WritePropertyName(name);
        if (body.TryGet(name, out JsonElement value))
        {
            value.WriteTo(json);
        }
        else
        {
            json.WriteNullValue();
        }
    }
}
