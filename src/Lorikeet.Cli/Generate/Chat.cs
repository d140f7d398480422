using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models.Text;

namespace Lorikeet.Cli.Generate;

/// <summary>Prompts as conversations: laid out by the model's chat template.</summary>
internal static class Chat
{
    /// <summary>Lays prompts out; one that has no messages of its own is what a user says.</summary>
    /// <param name="jobs">The prompts.</param>
    /// <param name="templates">The model's templates.</param>
    /// <param name="system">What the system says first; null: nothing. Not for prompts with messages of their own.</param>
    public static IReadOnlyList<Job> Lay(IReadOnlyList<Job> jobs, ChatTemplateSet templates, string? system)
    {
        ChatTemplate template = templates.Choose();
        return [.. jobs.Select(job => job with { Prompt = template.Render(Request(job, system)).Text, Lead = "" })];
    }

    private static ChatRequest Request(Job job, string? system)
    {
        if (job.Messages is { } messages)
        {
            return new ChatRequest { Messages = messages, AddGenerationPrompt = true };
        }
        JsonArray talk = [];
        if (system is not null)
        {
            talk.Add(new JsonObject { ["role"] = "system", ["content"] = system });
        }
        talk.Add(new JsonObject { ["role"] = "user", ["content"] = job.Prompt });
        using JsonDocument json = JsonDocument.Parse(talk.ToJsonString());
        return new ChatRequest { Messages = json.RootElement.Clone(), AddGenerationPrompt = true };
    }
}
