using System.Text.Json;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>Writes a chat's answer.</summary>
internal sealed class ChatAnswer(GenerationServices services, ChatJob job, Admission.Ticket ticket) : AnswerWriter<ChatJob>(services, job, "chatcmpl-")
{
    private readonly ChoiceState[] choices = [.. Enumerable.Range(0, job.Spec.Choices).Select(i => new ChoiceState(i, CallReader.Of(job.Tools)))];
    private PromptScores? promptScores;

    protected override IAsyncEnumerable<GenerationEvent> Run(CancellationToken stop)
    {
        GenerationRequest request = Services.Request(ticket.Caller, Job.Adapter, Job.Spec, Job.Prompt, Job.MaxTokens, Job.Top, Job.Constraint) with { PromptLogProbabilities = Job.Spec.PromptLogProbs };
        return Services.Runner.RunAsync(ticket, [request], Job.Adapter, Job.Deadline, Usage, stop);
    }

    protected override async Task OpenAsync(EventStream stream)
    {
        foreach (ChoiceState choice in choices)
        {
            await OpenAsync(stream, choice);
        }
    }

    protected override async Task TakeAsync(GenerationEvent next, EventStream? stream)
    {
        ChoiceState choice = choices[next.Choice];
        promptScores = next.PromptScores ?? promptScores;
        ChoiceState.Piece piece = choice.Take(next, Job.Top >= 0, Job.Spec.StopIds);
        if (stream is not null)
        {
            await ChunkAsync(stream, choice, piece);
        }
    }

    protected override async Task CloseAsync(EventStream stream)
    {
        if (Job.Spec.IncludeUsage)
        {
            await stream.SendAsync(json => Chunk(json, null, null, withUsage: true));
        }
        await stream.DoneAsync();
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
        if (Job.Continued is { } before)
        {
            await stream.SendAsync(json => Chunk(json, choice, delta => delta.WriteString("content", before)));
        }
    }

    private async Task ChunkAsync(EventStream stream, ChoiceState choice, ChoiceState.Piece piece)
    {
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
            await stream.SendAsync(json => Chunk(json, choice, _ => { }, carried ? [] : piece.Scores, carried ? [] : piece.Ids, choice.Reason(Job.Tools, Services.Options.NamedToolFinish)));
        }
    }

    private void WritePart(Utf8JsonWriter json, AnswerPart part)
    {
        if (part.Call < 0)
        {
            json.WriteString("content", part.Text);
            return;
        }
        if (Job.Tools.OldForm)
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
        Start(json, "chat.completion.chunk");
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
                Services.Names.WriteChat(json, scores, Job.Top, Job.Spec.TokensAsIds);
            }
            else
            {
                json.WriteNull("logprobs");
            }
            json.WriteString("finish_reason", reason);
            if (reason is not null)
            {
                choice.WriteStop(json);
            }
            if (Job.Spec.ReturnTokenIds && ids is not null)
            {
                TokenList.Write(json, "token_ids", ids);
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
        Usage.WriteInStream(json, Job.Spec, withUsage);
        json.WriteEndObject();
    }

    protected override void Write(Utf8JsonWriter json)
    {
        Start(json, "chat.completion");
        foreach (ChoiceState choice in choices)
        {
            json.WriteStartObject();
            json.WriteNumber("index", choice.Index);
            WriteMessage(json, choice);
            json.WritePropertyName("logprobs");
            if (Job.Top >= 0)
            {
                Services.Names.WriteChat(json, choice.Scores, Job.Top, Job.Spec.TokensAsIds);
            }
            else
            {
                json.WriteNullValue();
            }
            json.WriteString("finish_reason", choice.Reason(Job.Tools, Services.Options.NamedToolFinish));
            choice.WriteStop(json);
            if (Job.Spec.ReturnTokenIds)
            {
                TokenList.Write(json, "token_ids", choice.Ids);
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
        Usage.Write(json);
        if (promptScores is not null)
        {
            json.WritePropertyName("prompt_logprobs");
            Services.Names.WritePrompt(json, promptScores);
        }
        if (Job.Spec.ReturnTokenIds)
        {
            TokenList.Write(json, "prompt_token_ids", Job.Prompt);
        }
        json.WriteEndObject();
    }

    private void WriteMessage(Utf8JsonWriter json, ChoiceState choice)
    {
        string text = Job.Continued + choice.Text;
        json.WriteStartObject("message");
        json.WriteString("role", "assistant");
        json.WriteString("content", text.Length == 0 && choice.Calls.Count > 0 ? null : text);
        json.WriteNull("refusal");
        if (choice.Calls.Count > 0 && Job.Tools.OldForm)
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

    private void Start(Utf8JsonWriter json, string kind)
    {
        json.WriteStartObject();
        Head(json, kind);
        if (Job.Tier)
        {
            json.WriteString("service_tier", "default");
        }
        json.WriteStartArray("choices");
    }
}
