using System.Text;
using System.Text.Json;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Bench;

/// <summary>Bodies of requests; equal seeds make equal prompts, and no two prompts of a run begin alike, so that no server can answer from what it has seen.</summary>
/// <param name="seed">Where the draws begin.</param>
/// <param name="chat">Conversations instead of completions.</param>
/// <param name="plain">Only fields of OpenAI's own API: an answer may end early.</param>
/// <param name="ids">Prompts are token ids below this; null: they are words.</param>
/// <param name="loraIds">Say which adapter by its number in llama-server's field <c>lora</c>, in the place of <c>model</c>.</param>
/// <param name="scores">Ask for token ids and log-probabilities too.</param>
internal sealed class PromptMaker(ulong seed, bool chat, bool plain, int? ids, bool loraIds = false, bool scores = false)
{
    private static readonly string[] Words =
        ("time year people way day man thing woman life child world school state family student group country problem hand part place case week company system program question work " +
        "number night point home water room mother area money story fact month lot right study book eye job word business issue side kind head house service friend father power hour game line end").Split(' ');

    private readonly CounterRandom random = new CounterRandom(seed).Named("prompts");

    /// <summary>Where the bodies go.</summary>
    public string Path => chat ? "/v1/chat/completions" : "/v1/completions";

    /// <summary>The JSON of a request.</summary>
    public byte[] Body(PlannedRequest request, string model)
    {
        DrawSequence draws = new(random.Named(FormattableString.Invariant($"{request.Number}")));
        using MemoryStream body = new();
        using (Utf8JsonWriter json = new(body))
        {
            json.WriteStartObject();
            if (loraIds)
            {
                json.WriteStartArray("lora");
                json.WriteStartObject();
                json.WriteNumber("id", request.Adapter);
                json.WriteNumber("scale", 1);
                json.WriteEndObject();
                json.WriteEndArray();
            }
            else
            {
                json.WriteString("model", model);
            }
            if (chat)
            {
                json.WriteStartArray("messages");
                json.WriteStartObject();
                json.WriteString("role", "user");
                json.WriteString("content", Text(draws, request.Input));
                json.WriteEndObject();
                json.WriteEndArray();
            }
            else if (ids is { } below)
            {
                json.WriteStartArray("prompt");
                for (int i = 0; i < request.Input; i++)
                {
                    json.WriteNumberValue(draws.Integer(0, below));
                }
                json.WriteEndArray();
            }
            else
            {
                json.WriteString("prompt", Text(draws, request.Input));
            }
            json.WriteNumber("max_tokens", request.Output);
            json.WriteNumber("temperature", 0);
            json.WriteBoolean("stream", true);
            json.WriteStartObject("stream_options");
            json.WriteBoolean("include_usage", true);
            json.WriteEndObject();
            if (!plain)
            {
                json.WriteBoolean("ignore_eos", true);
            }
            if (scores && chat)
            {
                json.WriteBoolean("logprobs", true);
                json.WriteNumber("top_logprobs", 2);
            }
            else if (scores)
            {
                json.WriteNumber("logprobs", 2);
            }
            if (scores && !plain)
            {
                json.WriteBoolean("return_token_ids", true);
            }
            json.WriteEndObject();
        }
        return body.ToArray();
    }

    private static string Text(DrawSequence draws, int words)
    {
        StringBuilder text = new();
        for (int i = 0; i < words; i++)
        {
            text.Append(i > 0 ? " " : "").Append(Words[draws.Integer(0, Words.Length)]);
        }
        return text.ToString();
    }
}
