using System.Runtime.CompilerServices;
using System.Text.Json;
using Lorikeet.Serving;
using Microsoft.Extensions.AI;

namespace Lorikeet.Server;

/// <summary>The engine as an <see cref="IChatClient"/>: the adapter's name is <see cref="ChatOptions.ModelId"/>; requests of all callers share its batches.</summary>
internal sealed class LorikeetChatClient(ServerParts parts) : IChatClient
{
    private readonly ChatClientMetadata metadata = new("lorikeet", defaultModelId: parts.Directory.BaseName);

    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return InProcess.Translated(RunAsync(ChatBody.Write(messages, options).ToJsonString(), cancellationToken), cancellationToken);
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null : serviceType == typeof(ChatClientMetadata) ? metadata : serviceType.IsInstanceOfType(this) ? this : null;
    }

    // The host's container ends what the client uses.
    public void Dispose()
    {
    }

    private async IAsyncEnumerable<ChatResponseUpdate> RunAsync(string body, [EnumeratorCancellation] CancellationToken stop = default)
    {
        GenerationServices services = parts.Services;
        using Admission.Ticket ticket = parts.Admission.Enter(Caller.Everybody);
        using JsonDocument document = JsonDocument.Parse(body);
        ChatJob job = await parts.Chat.ReadAsync(new Fields(document.RootElement), ticket.Caller, services.Options.Limits.Deadline, render: false, stop);
        ticket.Charge(job.Prompt.Length);
        UsageCount usage = new() { Prompt = job.Prompt.Length };
        ChoiceState choice = new(0, CallReader.Of(job.Tools));
        GenerationRequest request = services.Request(ticket.Caller, job.Adapter, job.Spec with { Choices = 1 }, job.Prompt, job.MaxTokens, job.Top, job.Constraint);
        string id = "chatcmpl-" + Guid.NewGuid().ToString("N");
        DateTimeOffset created = DateTimeOffset.FromUnixTimeSeconds(services.Now);
        if (job.Continued is { } before)
        {
            yield return Update(new TextContent(before));
        }
        await foreach (GenerationEvent next in services.Runner.RunAsync(ticket, [request], job.Adapter, job.Deadline, usage, stop))
        {
            foreach (AnswerPart part in choice.Take(next, scored: false, job.Spec.StopIds).Parts)
            {
                if (part.Call < 0)
                {
                    yield return Update(new TextContent(part.Text));
                }
            }
        }
        foreach ((string call, string name, System.Text.StringBuilder arguments) in choice.Calls)
        {
            yield return Update(FunctionCallContent.CreateFromParsedArguments(arguments.ToString(), call, name, Arguments));
        }
        ChatResponseUpdate last = Update(new UsageContent(new UsageDetails
        {
            InputTokenCount = usage.Prompt,
            OutputTokenCount = usage.Completion,
            TotalTokenCount = usage.Prompt + usage.Completion,
            CachedInputTokenCount = usage.Cached,
        }));
        last.FinishReason = choice.Reason(job.Tools, services.Options.NamedToolFinish) is { } reason ? new ChatFinishReason(reason) : null;
        yield return last;

        ChatResponseUpdate Update(AIContent content) => new(ChatRole.Assistant, [content]) { ResponseId = id, MessageId = id, CreatedAt = created, ModelId = job.Echo };
    }

    private static Dictionary<string, object?>? Arguments(string json) => JsonSerializer.Deserialize<Dictionary<string, object?>>(json, AIJsonUtilities.DefaultOptions);
}
