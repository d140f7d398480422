using System.Collections.Frozen;
using System.Text.Json;
using Lorikeet.Models;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary><c>POST /v1/completions</c> and its render route.</summary>
internal sealed class CompletionEndpoint(GenerationServices services)
{
    private const int DefaultTokens = 16;

    public static FrozenSet<string> Names { get; } = GenerationFields.Names.Union(["prompt", "best_of", "suffix", PromptEmbeds.Field]).ToFrozenSet(StringComparer.Ordinal);

    public async Task AnswerAsync(HttpContext http, Caller caller)
    {
        using Admission.Ticket ticket = services.Admission.Enter(caller);
        CompletionJob job = await ReadAsync(http, ticket);
        ticket.Charge(job.PromptTokens);
        services.Prepare(http, caller, job.Spec);
        await new CompletionAnswer(services, job, ticket).SendAsync(http);
    }

    public async Task RenderAsync(HttpContext http, Caller caller)
    {
        using Admission.Ticket ticket = services.Admission.Enter(caller);
        CompletionJob job = await ReadAsync(http, ticket);
        if (job.Prompts[0].Rows is not null)
        {
            throw ApiException.Unsupported(PromptEmbeds.Field, $"{PromptEmbeds.Field} has no token ids that could be rendered");
        }
        await JsonText.WriteAsync(http, 200, json =>
        {
            json.WriteStartArray();
            foreach (CompletionPrompt prompt in job.Prompts)
            {
                json.WriteStartObject();
                TokenList.Write(json, "token_ids", prompt.Ids);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        });
    }

    // The body, which vectors make long, is let go before the answer begins.
    private async Task<CompletionJob> ReadAsync(HttpContext http, Admission.Ticket ticket)
    {
        using JsonDocument document = await RequestBody.ReadAsync(http, services.Options.Limits);
        return await ReadAsync(new Fields(document.RootElement), ticket, http);
    }

    private async Task<CompletionJob> ReadAsync(Fields body, Admission.Ticket ticket, HttpContext http)
    {
        Caller caller = ticket.Caller;
        ServerLimits limits = services.Options.Limits;
        services.Known.Check(body, Names);
        (string echo, AdapterBinding adapter) = await services.Models.ReadAsync(body, caller, http.RequestAborted);
        body.Refuse("the model continues a text, it does not fill gaps", "suffix");
        GenerationSpec spec = GenerationFields.Read(body, services.DefaultsOf(adapter), services.Tokenizer, services.Vocabulary, limits);
        bool repeats = body.Flag("echo") ?? false;
        if (spec is { AskedTokens: false, MaxTokens: null })
        {
            spec = spec with { MaxTokens = DefaultTokens };
        }
        if (spec.MaxTokens == 0 && !repeats)
        {
            throw ApiException.Value("max_tokens", "max_tokens is 0, which only goes with echo: true; expected 1 or more");
        }
        int? best = (int?)body.Integer("best_of", 0, 20);
        if (best is { } asked && asked > 1 && asked != spec.Choices)
        {
            throw asked < spec.Choices
                ? ApiException.Value("best_of", $"best_of is {asked}, n is {spec.Choices}; expected best_of of n or more")
                : ApiException.Unsupported("best_of", "best_of beyond n is not offered; ask for n choices and choose by their logprobs");
        }
        int? top = (int?)body.Integer("logprobs", 0, 20);
        TokenConstraint? constraint = services.Constraints.Read(body, caller.Tenant);
        List<CompletionPrompt> prompts = ReadPrompts(body, spec, ticket);
        services.CheckChoices(prompts.Count, spec);
        services.CheckConstraint(constraint, spec);
        int context = services.Context;
        int longest = prompts.Max(p => p.Length);
        int tokens = spec.MaxTokens == 0 ? 0 : PromptFit.MostTokens(spec, longest, prompts.Count * spec.Choices, context, limits, "max_tokens");
        long total = prompts.Sum(p => (long)p.Length);
        long scores = (repeats && top is { } t ? total * (t + 2) * spec.Choices : 0) + (spec.PromptLogProbs is { } p2 ? total * (p2 + 1) : 0);
        services.CheckAnswerBytes(scores, (repeats ? total * spec.Choices : 0) + (spec.ReturnTokenIds ? total : 0));
        return new CompletionJob
        {
            Echo = echo,
            Adapter = adapter,
            Spec = spec,
            Prompts = prompts,
            MaxTokens = tokens,
            Top = top ?? -1,
            Repeats = repeats,
            Constraint = constraint,
            Deadline = services.Deadline(http),
        };
    }

    private List<CompletionPrompt> ReadPrompts(in Fields body, GenerationSpec spec, Admission.Ticket ticket)
    {
        int context = services.Context;
        if (body.TryGet(PromptEmbeds.Field, out JsonElement vectors))
        {
            List<PromptRows> given = PromptEmbeds.Read(body, vectors, services.Options, services.Inference.Model.EmbeddingWidth, ticket);
            return given.ConvertAll(rows =>
            {
                (int first, int count) = PromptFit.Fit(rows.Count, spec.Truncate, spec.TruncateRight, context, PromptEmbeds.Field);
                return new CompletionPrompt([], rows.Part(first, count));
            });
        }
        if (!body.TryGet("prompt", out JsonElement prompt))
        {
            throw body.Absent("prompt", "a string, strings, token ids, or arrays of token ids");
        }
        bool special = body.Flag("add_special_tokens") ?? true;
        List<CompletionPrompt> prompts = [];
        foreach (InputText input in InputText.Read(prompt, "prompt", services.Options.Limits.Prompts, services.Vocabulary))
        {
            int[] ids = input.Ids ?? services.Tokenizer.Encode(input.Text!, special);
            prompts.Add(new CompletionPrompt(PromptFit.Cut(ids, spec.Truncate, spec.TruncateRight, context, "prompt")));
        }
        return prompts;
    }
}
