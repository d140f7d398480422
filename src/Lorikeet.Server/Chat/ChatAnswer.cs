using System.Text.Json;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary>Generates a chat answer and writes it, whole or as a stream.</summary>
internal sealed class ChatAnswer(GenerationServices services, ChatJob job, Admission.Ticket ticket)
{
    private readonly string id = "chatcmpl-" + Guid.NewGuid().ToString("N");
    private readonly long created = services.Now;
    private readonly string fingerprint = services.Fingerprint.Of(job.Adapter);
    private readonly UsageCount usage = new() { Prompt = job.Prompt.Length };
    private readonly ChoiceState[] choices = [.. Enumerable.Range(0, job.Spec.Choices).Select(i => new ChoiceState(i, CallReader.Of(job.Tools)))];
    private PromptScores? promptScores;

    public async Task SendAsync(HttpContext http)
    {
        GenerationRequest request = services.Request(ticket.Caller, job.Adapter, job.Spec, job.Prompt, job.MaxTokens, job.Top, job.Constraint) with
        {
            PromptLogProbabilities = job.Spec.PromptLogProbs,
        };
        IAsyncEnumerable<GenerationEvent> events = services.Runner.RunAsync(ticket, [request], job.Adapter, job.Deadline, usage, http.RequestAborted);
        if (job.Spec.Stream)
        {
            await StreamAsync(http, events);
            return;
        }
        await foreach (GenerationEvent next in events)
        {
            promptScores = next.PromptScores ?? promptScores;
            choices[next.Choice].Take(next, job.Top >= 0, job.Spec.StopIds);
        }
        await JsonText.WriteAsync(http, 200, Write);
    }

    private async Task StreamAsync(HttpContext http, IAsyncEnumerable<GenerationEvent> events)
    {
        EventStream stream = new(http, services.Options.Limits.StreamStall, http.RequestAborted);
        bool started = false;
        try
        {
            await foreach (GenerationEvent next in events)
            {
                if (!started)
                {
                    // Not before the first step: until then a refusal keeps its status.
                    started = true;
                    stream.Start();
                    foreach (ChoiceState choice in choices)
                    {
                        await OpenAsync(stream, choice);
                    }
                }
                await ChunkAsync(stream, choices[next.Choice], next);
            }
            if (job.Spec.IncludeUsage)
            {
                await stream.SendAsync(json => Chunk(json, null, null, withUsage: true));
            }
            await stream.DoneAsync();
        }
        catch (ApiException e) when (started)
        {
            services.Logged(http, e);
            await stream.SendAsync(json => ErrorBody.Write(json, e, services.Options.VllmErrors));
            await stream.DoneAsync();
        }
    }

    private async Task OpenAsync(EventStream stream, ChoiceState choice)
    {
        await stream.SendAsync(json => Chunk(
            json,
            choice,
            delta =>
            {
                delta.WriteString("role", "assistant");
                delta.WriteString("content", "");
            }));
        if (job.Continued is { } before)
        {
            await stream.SendAsync(json => Chunk(json, choice, delta => delta.WriteString("content", before)));
        }
    }

    private async Task ChunkAsync(EventStream stream, ChoiceState choice, GenerationEvent next)
    {
        ChoiceState.Piece piece = choice.Take(next, job.Top >= 0, job.Spec.StopIds);
        for (int i = 0; i < piece.Parts.Count; i++)
        {
            AnswerPart part = piece.Parts[i];
            bool last = i == piece.Parts.Count - 1;
            // Scores go with the last part; ends get a chunk of their own.
            await stream.SendAsync(json => Chunk(json, choice, delta => WritePart(delta, part), last ? piece.Scores : [], last ? piece.Ids : []));
        }
        if (choice.IsEnded)
        {
            bool carried = piece.Parts.Count > 0;
            await stream.SendAsync(json => Chunk(json, choice, _ => { }, carried ? [] : piece.Scores, carried ? [] : piece.Ids, choice.Reason(job.Tools, services.Options.NamedToolFinish)));
        }
    }

    private void WritePart(Utf8JsonWriter json, AnswerPart part)
    {
        if (part.Call < 0)
        {
            json.WriteString("content", part.Text);
            return;
        }
        if (job.Tools.OldForm)
        {
            json.WriteStartObject("function_call");
            if (part.Name is not null)
            {
                json.WriteString("name", part.Name);
            }
            json.WriteString("arguments", part.Text);
            json.WriteEndObject();
            return;
        }
        json.WriteStartArray("tool_calls");
        json.WriteStartObject();
        json.WriteNumber("index", part.Call);
        if (part.Id is not null)
        {
            json.WriteString("id", part.Id);
            json.WriteString("type", "function");
        }
        json.WriteStartObject("function");
        if (part.Name is not null)
        {
            json.WriteString("name", part.Name);
        }
        json.WriteString("arguments", part.Text);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private void Chunk(
        Utf8JsonWriter json, ChoiceState? choice, Action<Utf8JsonWriter>? delta, IReadOnlyList<ScoredToken>? scores = null, IReadOnlyList<int>? ids = null, string? reason = null, bool withUsage = false)
    {
        json.WriteStartObject();
        Head(json, "chat.completion.chunk");
        json.WriteStartArray("choices");
        if (choice is not null)
        {
            json.WriteStartObject();
            json.WriteNumber("index", choice.Index);
            json.WriteStartObject("delta");
            delta!(json);
            json.WriteEndObject();
            if (scores is { Count: > 0 })
            {
                json.WritePropertyName("logprobs");
                services.Names.WriteChat(json, scores, job.Top, job.Spec.TokensAsIds);
            }
            else
            {
                json.WriteNull("logprobs");
            }
            json.WriteString("finish_reason", reason);
            if (reason is not null)
            {
                WriteStop(json, choice);
            }
            if (job.Spec.ReturnTokenIds && ids is not null)
            {
                TokenList.Write(json, "token_ids", ids);
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
        usage.WriteInStream(json, job.Spec, withUsage);
        json.WriteEndObject();
    }

    private void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        Head(json, "chat.completion");
        json.WriteStartArray("choices");
        foreach (ChoiceState choice in choices)
        {
            json.WriteStartObject();
            json.WriteNumber("index", choice.Index);
            WriteMessage(json, choice);
            json.WritePropertyName("logprobs");
            if (job.Top >= 0)
            {
                services.Names.WriteChat(json, choice.Scores, job.Top, job.Spec.TokensAsIds);
            }
            else
            {
                json.WriteNullValue();
            }
            json.WriteString("finish_reason", choice.Reason(job.Tools, services.Options.NamedToolFinish));
            WriteStop(json, choice);
            if (job.Spec.ReturnTokenIds)
            {
                TokenList.Write(json, "token_ids", choice.Ids);
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
        usage.Write(json);
        if (promptScores is not null)
        {
            json.WritePropertyName("prompt_logprobs");
            services.Names.WritePrompt(json, promptScores);
        }
        if (job.Spec.ReturnTokenIds)
        {
            TokenList.Write(json, "prompt_token_ids", job.Prompt);
        }
        json.WriteEndObject();
    }

    private void WriteMessage(Utf8JsonWriter json, ChoiceState choice)
    {
        string text = job.Continued + choice.Text;
        json.WriteStartObject("message");
        json.WriteString("role", "assistant");
        json.WriteString("content", text.Length == 0 && choice.Calls.Count > 0 ? null : text);
        json.WriteNull("refusal");
        if (choice.Calls.Count > 0 && job.Tools.OldForm)
        {
            json.WriteStartObject("function_call");
            json.WriteString("name", choice.Calls[0].Name);
            json.WriteString("arguments", choice.Calls[0].Arguments.ToString());
            json.WriteEndObject();
        }
        else if (choice.Calls.Count > 0)
        {
            json.WriteStartArray("tool_calls");
            foreach ((string callId, string name, System.Text.StringBuilder arguments) in choice.Calls)
            {
                json.WriteStartObject();
                json.WriteString("id", callId);
                json.WriteString("type", "function");
                json.WriteStartObject("function");
                json.WriteString("name", name);
                json.WriteString("arguments", arguments.ToString());
                json.WriteEndObject();
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void WriteStop(Utf8JsonWriter json, ChoiceState choice)
    {
        if (choice.StopToken is { } token)
        {
            json.WriteNumber("stop_reason", token);
        }
        else
        {
            json.WriteString("stop_reason", choice.StopText);
        }
    }

    private void Head(Utf8JsonWriter json, string kind)
    {
        json.WriteString("id", id);
        json.WriteString("object", kind);
        json.WriteNumber("created", created);
        json.WriteString("model", job.Echo);
        json.WriteString("system_fingerprint", fingerprint);
        if (job.Tier)
        {
            json.WriteString("service_tier", "default");
        }
    }
}
