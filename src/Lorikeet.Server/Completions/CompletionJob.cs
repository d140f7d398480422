using Lorikeet.Models;

namespace Lorikeet.Server;

/// <summary>A completion request, read and checked.</summary>
internal sealed record CompletionJob : GenerationJob
{
    public required IReadOnlyList<CompletionPrompt> Prompts { get; init; }

    /// <summary>Whether the prompt comes before the answer.</summary>
    public bool Repeats { get; init; }

    public override long PromptTokens => Prompts.Sum(p => (long)p.Length);
}

/// <summary>A prompt of a completion: token ids, or vectors in their place.</summary>
/// <param name="Ids">The token ids; none where there are vectors.</param>
/// <param name="Rows">The vectors, or null.</param>
internal sealed record CompletionPrompt(int[] Ids, PromptRows? Rows = null)
{
    /// <summary>Tokens.</summary>
    public int Length => Rows?.Count ?? Ids.Length;
}
