using System.Text.Json;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>Writes a completion's answer.</summary>
internal sealed class CompletionAnswer(GenerationServices services, CompletionJob job, Admission.Ticket ticket) : AnswerWriter<CompletionJob>(services, job, "cmpl-")
{
    private readonly ChoiceState[] choices = [.. Enumerable.Range(0, job.Prompts.Count * job.Spec.Choices).Select(i => new ChoiceState(i, CallReader.Of(ToolPlan.None)))];
    private readonly PromptScores?[] promptScores = new PromptScores?[job.Prompts.Count];
    private readonly int[] offsets = new int[job.Prompts.Count * job.Spec.Choices];

    protected override IAsyncEnumerable<GenerationEvent> Run(CancellationToken stop)
    {
        bool scoredPrompt = Job.Repeats && Job.Top >= 0;
        GenerationRequest[] requests =
        [
            .. Job.Prompts.Select(prompt => Services.Request(ticket.Caller, Job.Adapter, Job.Spec, prompt.Ids, Job.MaxTokens, Job.Top, Job.Constraint) with
            {
                Rows = prompt.Rows,
                PromptLogProbabilities = Job.Spec.PromptLogProbs is { } asked ? Math.Max(asked, scoredPrompt ? Job.Top : 0) : scoredPrompt ? Job.Top : null,
            }),
        ];
        // Where nothing is scored and nothing generated there is nothing to compute.
        return Job.MaxTokens == 0 && requests[0].PromptLogProbabilities is null
            ? Nothing()
            : Services.Runner.RunAsync(ticket, requests, Job.Adapter, Job.Deadline, Usage, stop);
    }

    protected override async Task TakeAsync(GenerationEvent next, EventStream? stream)
    {
        promptScores[next.Id] = next.PromptScores ?? promptScores[next.Id];
        if (next.Finish == FinishReason.Done)
        {
            return;
        }
        ChoiceState choice = choices[(next.Id * Job.Spec.Choices) + next.Choice];
        if (stream is not null)
        {
            await EchoAsync(stream, choice);
        }
        ChoiceState.Piece piece = choice.Take(next, Job.Top >= 0, Job.Spec.StopIds);
        string text = string.Concat(piece.Parts.Select(p => p.Text));
        if (stream is not null && (text.Length > 0 || choice.IsEnded))
        {
            await stream.SendAsync(json => Chunk(json, choice, text, piece.Scores, piece.Ids, choice.Reason(ToolPlan.None, "stop")));
        }
    }

    protected override async Task CloseAsync(EventStream stream)
    {
        foreach (ChoiceState choice in choices.Where(c => !c.IsEnded))
        {
            await EchoAsync(stream, choice);
            await stream.SendAsync(json => Chunk(json, choice, "", [], [], "length"));
        }
        if (Job.Spec.IncludeUsage)
        {
            await stream.SendAsync(json => Chunk(json, null, "", [], [], null, withUsage: true));
        }
        await stream.DoneAsync();
    }

    private static async IAsyncEnumerable<GenerationEvent> Nothing()
    {
        await Task.CompletedTask;
        yield break;
    }

    // The echoed prompt comes first, with its scores.
    private async Task EchoAsync(EventStream stream, ChoiceState choice)
    {
        if (choice.Opened || !Job.Repeats)
        {
            return;
        }
        choice.Opened = true;
        int number = choice.Index / Job.Spec.Choices;
        int[] prompt = Job.Prompts[number].Ids;
        await stream.SendAsync(json => Chunk(json, choice, Text(prompt), Job.Top >= 0 ? TokenNames.Echoed(prompt, promptScores[number]) : [], [], null));
    }

    private void Chunk(
        Utf8JsonWriter json, ChoiceState? choice, string text, IReadOnlyList<ScoredToken> scores, IReadOnlyList<int> ids, string? reason, bool withUsage = false)
    {
        json.WriteStartObject();
        Head(json, "text_completion");
        json.WriteStartArray("choices");
        if (choice is not null)
        {
            WriteChoice(json, choice, text, scores, Job.Spec.ReturnTokenIds ? ids : null, reason);
        }
        json.WriteEndArray();
        Usage.WriteInStream(json, Job.Spec, withUsage);
        json.WriteEndObject();
    }

    protected override void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        Head(json, "text_completion");
        json.WriteStartArray("choices");
        foreach (ChoiceState choice in choices)
        {
            int number = choice.Index / Job.Spec.Choices;
            int[] prompt = Job.Prompts[number].Ids;
            string text = (Job.Repeats ? Text(prompt) : "") + choice.Text;
            IReadOnlyList<ScoredToken> scores = Job.Repeats && Job.Top >= 0 ? [.. TokenNames.Echoed(prompt, promptScores[number]), .. choice.Scores] : choice.Scores;
            WriteChoice(json, choice, text, scores, Job.Spec.ReturnTokenIds ? choice.Ids : null, choice.Reason(ToolPlan.None, "stop") ?? "length");
        }
        json.WriteEndArray();
        Usage.Write(json);
        json.WriteEndObject();
    }

    private void WriteChoice(Utf8JsonWriter json, ChoiceState choice, string text, IReadOnlyList<ScoredToken> scores, IReadOnlyList<int>? ids, string? reason)
    {
        int number = choice.Index / Job.Spec.Choices;
        json.WriteStartObject();
        json.WriteNumber("index", choice.Index);
        json.WriteString("text", text);
        json.WritePropertyName("logprobs");
        if (Job.Top >= 0)
        {
            Services.Names.WriteCompletion(json, scores, Job.Top, Job.Spec.TokensAsIds, ref offsets[choice.Index]);
        }
        else
        {
            json.WriteNullValue();
        }
        json.WriteString("finish_reason", reason);
        if (reason is not null)
        {
            choice.WriteStop(json);
        }
        if (ids is not null)
        {
            TokenList.Write(json, "token_ids", ids);
            if (!Job.Spec.Stream && Job.Prompts[number].Rows is null)
            {
                TokenList.Write(json, "prompt_token_ids", Job.Prompts[number].Ids);
            }
        }
        if (Job.Spec.PromptLogProbs is not null && promptScores[number] is { } scored)
        {
            json.WritePropertyName("prompt_logprobs");
            Services.Names.WritePrompt(json, scored);
        }
        json.WriteEndObject();
    }

    private string Text(int[] prompt) => Services.Tokenizer.Decode(prompt, skipSpecialTokens: !Job.Spec.KeepSpecial);
}
