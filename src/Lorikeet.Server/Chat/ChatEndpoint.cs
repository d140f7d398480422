using System.Collections.Frozen;
using System.Text.Json;
using Lorikeet.Models.Text;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary><c>POST /v1/chat/completions</c> and its render route.</summary>
internal sealed class ChatEndpoint(GenerationServices services)
{
    public static FrozenSet<string> Names { get; } = GenerationFields.Names.Union(ChatPrompt.Names).Union(
    [
        "max_completion_tokens", "top_logprobs", "tool_choice", "parallel_tool_calls", "functions", "function_call", "safety_identifier", "prompt_cache_key", "metadata", "store",
        "service_tier", "verbosity", "prompt_cache_options", "prompt_cache_retention", "modalities", "audio", "prediction", "web_search_options", "moderation",
    ]).ToFrozenSet(StringComparer.Ordinal);

    public async Task AnswerAsync(HttpContext http, Caller caller)
    {
        using Admission.Ticket ticket = services.Admission.Enter(caller);
        using JsonDocument document = await RequestBody.ReadAsync(http, services.Options.Limits);
        ChatJob job = await ReadAsync(new Fields(document.RootElement), caller, services.Deadline(http), render: false, http.RequestAborted);
        ticket.Charge(job.Prompt.Length);
        services.Prepare(http, caller, job.Spec);
        await new ChatAnswer(services, job, ticket).SendAsync(http);
    }

    public async Task RenderAsync(HttpContext http, Caller caller)
    {
        using Admission.Ticket ticket = services.Admission.Enter(caller);
        using JsonDocument document = await RequestBody.ReadAsync(http, services.Options.Limits);
        ChatJob job = await ReadAsync(new Fields(document.RootElement), caller, services.Deadline(http), render: true, http.RequestAborted);
        await JsonText.WriteAsync(http, 200, json =>
        {
            json.WriteStartObject();
            TokenList.Write(json, "token_ids", job.Prompt);
            json.WriteEndObject();
        });
    }

    /// <summary>Reads and checks a request.</summary>
    /// <param name="body">Its body.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="deadline">How long it has, from its arrival.</param>
    /// <param name="render">Whether only the prompt is wanted.</param>
    /// <param name="stop">The caller's leaving.</param>
    public async Task<ChatJob> ReadAsync(Fields body, Caller caller, TimeLimit deadline, bool render, CancellationToken stop)
    {
        services.Known.Check(body, Names);
        (string echo, AdapterBinding adapter) = await services.Models.ReadAsync(body, caller, stop);
        body.Refuse("only text is generated", "audio", "prediction", "web_search_options", "moderation");
        foreach (string modality in body.Strings("modalities", single: false))
        {
            if (modality != "text")
            {
                throw ApiException.Unsupported("modalities", $"the modality '{(modality.Length <= 40 ? modality : modality[..40])}' is not offered; expected text");
            }
        }
        Accepted(body);
        GenerationSpec spec = GenerationFields.Read(body, services.DefaultsOf(adapter), services.Tokenizer, services.Vocabulary, services.Options.Limits);
        if (body.Has("max_tokens") && spec.AskedTokens && body.Integer("max_tokens", 1, int.MaxValue) is null)
        {
            throw body.Absent("max_tokens", "an integer of 1 or more");
        }
        if (body.Integer("max_completion_tokens", 1, int.MaxValue) is { } most)
        {
            spec = spec with { MaxTokens = services.Cap((int)most, adapter), AskedTokens = true };
        }
        bool scored = body.Flag("logprobs") ?? false;
        int? top = (int?)body.Integer("top_logprobs", 0, 20);
        if (top > 0 && !scored)
        {
            throw ApiException.Value("top_logprobs", "top_logprobs needs logprobs: true");
        }
        ToolPlan tools = ToolPlan.Read(body, services.Options.Limits);
        TokenConstraint? constraint = services.Constraints.Read(body, caller.Tenant);
        (int[] prompt, ChatTemplate template, string? continued) = services.ChatPrompt.Read(body, adapter, tools.ForTemplate, stop);
        int context = services.Context;
        prompt = PromptFit.Cut(prompt, spec.Truncate, spec.TruncateRight, context, "messages");
        if (tools.Mode is ToolMode.Named or ToolMode.Required && constraint is not null)
        {
            throw ApiException.Value("tool_choice", "a forced call and a constraining response_format do not go together");
        }
        if (!render)
        {
            constraint ??= ToolConstraint.Make(tools, services.Constraints, caller.Tenant, template.Source.Contains(ToolConstraint.Open, StringComparison.Ordinal));
        }
        services.CheckChoices(1, spec);
        services.CheckConstraint(constraint, spec);
        int tokens = PromptFit.MostTokens(spec, prompt.Length, spec.Choices, context, services.Options.Limits, "max_completion_tokens");
        services.CheckAnswerBytes(spec.PromptLogProbs is { } p ? (long)prompt.Length * (p + 1) : 0, spec.ReturnTokenIds ? prompt.Length + (tokens * spec.Choices) : 0);
        return new ChatJob
        {
            Echo = echo,
            Adapter = adapter,
            Spec = spec,
            Prompt = prompt,
            MaxTokens = tokens,
            Top = scored ? top ?? 0 : -1,
            Tools = tools,
            Constraint = constraint,
            Continued = continued,
            Tier = body.Has("service_tier"),
            Deadline = deadline,
        };
    }

    // Read for their types; without effect here.
    private static void Accepted(in Fields body)
    {
        _ = body.Text("safety_identifier");
        _ = body.Text("prompt_cache_key");
        _ = body.Flag("store");
        _ = body.Text("service_tier");
        if (body.Object("metadata") is { } metadata)
        {
            int count = 0;
            foreach (JsonProperty entry in metadata.Element.EnumerateObject())
            {
                if (++count > 16 || entry.Name.Length > 64 || entry.Value.ValueKind != JsonValueKind.String || entry.Value.GetString()!.Length > 512)
                {
                    throw ApiException.Value("metadata", "metadata has at most 16 pairs of strings, keys up to 64 characters, values up to 512");
                }
            }
        }
    }
}

/// <summary>A chat request, read and checked.</summary>
internal sealed record ChatJob : GenerationJob
{
    public required int[] Prompt { get; init; }

    public ToolPlan Tools { get; init; } = ToolPlan.None;

    /// <summary>What the answer goes on with, where the request wants it back.</summary>
    public string? Continued { get; init; }

    /// <summary>Whether the request names a service tier.</summary>
    public bool Tier { get; init; }

    public override long PromptTokens => Prompt.Length;
}
