using System.Text.Json;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary>Generates a completion answer and writes it, whole or as a stream.</summary>
internal sealed class CompletionAnswer(GenerationServices services, CompletionJob job, Admission.Ticket ticket)
{
    private readonly string id = "cmpl-" + Guid.NewGuid().ToString("N");
    private readonly long created = services.Now;
    private readonly string fingerprint = services.Fingerprint.Of(job.Adapter);
    private readonly UsageCount usage = new() { Prompt = job.Prompts.Sum(p => (long)p.Length) };
    private readonly ChoiceState[] choices = [.. Enumerable.Range(0, job.Prompts.Count * job.Spec.Choices).Select(i => new ChoiceState(i, CallReader.Of(ToolPlan.None)))];
    private readonly PromptScores?[] promptScores = new PromptScores?[job.Prompts.Count];
    private readonly int[] offsets = new int[job.Prompts.Count * job.Spec.Choices];

    public async Task SendAsync(HttpContext http)
    {
        bool scoredPrompt = job.Repeats && job.Top >= 0;
        GenerationRequest[] requests =
        [
            .. job.Prompts.Select(prompt => services.Request(ticket.Caller, job.Adapter, job.Spec, prompt, job.MaxTokens, job.Top, job.Constraint) with
            {
                PromptLogProbabilities = job.Spec.PromptLogProbs is { } asked ? Math.Max(asked, scoredPrompt ? job.Top : 0) : scoredPrompt ? job.Top : null,
            }),
        ];
        // Where nothing is scored and nothing generated there is nothing to compute.
        IAsyncEnumerable<GenerationEvent> events = job.MaxTokens == 0 && requests[0].PromptLogProbabilities is null
            ? Nothing()
            : services.Runner.RunAsync(ticket, requests, job.Adapter, job.Deadline, usage, http.RequestAborted);
        if (job.Spec.Stream)
        {
            await StreamAsync(http, events);
            return;
        }
        await foreach (GenerationEvent next in events)
        {
            promptScores[next.Id] = next.PromptScores ?? promptScores[next.Id];
            if (next.Finish != FinishReason.Done)
            {
                Choice(next).Take(next, job.Top >= 0, job.Spec.StopIds);
            }
        }
        await JsonText.WriteAsync(http, 200, Write);
    }

    private static async IAsyncEnumerable<GenerationEvent> Nothing()
    {
        await Task.CompletedTask;
        yield break;
    }

    private ChoiceState Choice(in GenerationEvent next) => choices[(next.Id * job.Spec.Choices) + next.Choice];

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
                    started = true;
                    stream.Start();
                }
                if (next.PromptScores is { } scores)
                {
                    promptScores[next.Id] = scores;
                }
                if (next.Finish != FinishReason.Done)
                {
                    await ChunkAsync(stream, Choice(next), next);
                }
            }
            if (!started)
            {
                stream.Start();
            }
            foreach (ChoiceState choice in choices.Where(c => !c.IsEnded))
            {
                await OpenAsync(stream, choice);
                await stream.SendAsync(json => Chunk(json, choice, "", [], [], "length"));
            }
            if (job.Spec.IncludeUsage)
            {
                await stream.SendAsync(json => Chunk(json, null, "", [], [], null, withUsage: true));
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

    private async Task ChunkAsync(EventStream stream, ChoiceState choice, GenerationEvent next)
    {
        await OpenAsync(stream, choice);
        ChoiceState.Piece piece = choice.Take(next, job.Top >= 0, job.Spec.StopIds);
        string text = string.Concat(piece.Parts.Select(p => p.Text));
        if (text.Length > 0 || choice.IsEnded)
        {
            await stream.SendAsync(json => Chunk(json, choice, text, piece.Scores, piece.Ids, choice.Reason(ToolPlan.None, "stop")));
        }
    }

    // The echoed prompt comes first, with its scores.
    private async Task OpenAsync(EventStream stream, ChoiceState choice)
    {
        if (choice.Opened || !job.Repeats)
        {
            return;
        }
        choice.Opened = true;
        int number = choice.Index / job.Spec.Choices;
        int[] prompt = job.Prompts[number];
        await stream.SendAsync(json => Chunk(json, choice, Text(prompt), job.Top >= 0 ? TokenNames.Echoed(prompt, promptScores[number]) : [], [], null));
    }

    private void Chunk(
        Utf8JsonWriter json, ChoiceState? choice, string text, IReadOnlyList<ScoredToken> scores, IReadOnlyList<int> ids, string? reason, bool withUsage = false)
    {
        json.WriteStartObject();
        Head(json);
        json.WriteStartArray("choices");
        if (choice is not null)
        {
            WriteChoice(json, choice, text, scores, job.Spec.ReturnTokenIds ? ids : null, reason);
        }
        json.WriteEndArray();
        usage.WriteInStream(json, job.Spec, withUsage);
        json.WriteEndObject();
    }

    private void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        Head(json);
        json.WriteStartArray("choices");
        foreach (ChoiceState choice in choices)
        {
            int number = choice.Index / job.Spec.Choices;
            int[] prompt = job.Prompts[number];
            string text = (job.Repeats ? Text(prompt) : "") + choice.Text;
            IReadOnlyList<ScoredToken> scores = job.Repeats && job.Top >= 0 ? [.. TokenNames.Echoed(prompt, promptScores[number]), .. choice.Scores] : choice.Scores;
            WriteChoice(json, choice, text, scores, job.Spec.ReturnTokenIds ? choice.Ids : null, choice.Reason(ToolPlan.None, "stop") ?? "length");
        }
        json.WriteEndArray();
        usage.Write(json);
        json.WriteEndObject();
    }

    private void WriteChoice(Utf8JsonWriter json, ChoiceState choice, string text, IReadOnlyList<ScoredToken> scores, IReadOnlyList<int>? ids, string? reason)
    {
        int number = choice.Index / job.Spec.Choices;
        json.WriteStartObject();
        json.WriteNumber("index", choice.Index);
        json.WriteString("text", text);
        json.WritePropertyName("logprobs");
        if (job.Top >= 0)
        {
            services.Names.WriteCompletion(json, scores, job.Top, job.Spec.TokensAsIds, ref offsets[choice.Index]);
        }
        else
        {
            json.WriteNullValue();
        }
        json.WriteString("finish_reason", reason);
        if (reason is not null)
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
        if (ids is not null)
        {
            TokenList.Write(json, "token_ids", ids);
            if (!job.Spec.Stream)
            {
                TokenList.Write(json, "prompt_token_ids", job.Prompts[number]);
            }
        }
        if (job.Spec.PromptLogProbs is not null && promptScores[number] is { } scored)
        {
            json.WritePropertyName("prompt_logprobs");
            services.Names.WritePrompt(json, scored);
        }
        json.WriteEndObject();
    }

    private string Text(int[] prompt) => services.Tokenizer.Decode(prompt, skipSpecialTokens: !job.Spec.KeepSpecial);

    private void Head(Utf8JsonWriter json)
    {
        json.WriteString("id", id);
        json.WriteString("object", "text_completion");
        json.WriteNumber("created", created);
        json.WriteString("model", job.Echo);
        json.WriteString("system_fingerprint", fingerprint);
    }
}
