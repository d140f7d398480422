using Lorikeet.Models.Text;
using Lorikeet.Training;

namespace Lorikeet.Cli.Chat;

/// <summary>A conversation as the tokens a model goes on from: by its chat template, else in the plain layout that training uses for such a model.</summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="template">The template; null: the plain layout.</param>
internal sealed class TalkLayout(Tokenizer tokenizer, ChatTemplate? template)
{
    // As in training: the token that begins a text, where the tokenizer puts one there.
    private readonly int[] begin = template is null && tokenizer.BosId is { } bos && tokenizer.Encode("").AsSpan().StartsWith([bos]) ? [bos] : [];

    /// <summary>Texts that end an answer: where a layout has no end token of its own, the next turn's beginning.</summary>
    public IReadOnlyList<string> Stop { get; } = template is null ? [.. ChatLayout.Roles.Select(role => $"\n<|{role}|>")] : [];

    /// <summary>The tokens up to where the assistant begins to speak.</summary>
    /// <param name="talk">The conversation.</param>
    /// <param name="stop">Stops a template that runs long.</param>
    public int[] Encode(Talk talk, CancellationToken stop)
    {
        if (template is not null)
        {
            ChatRequest request = new() { Messages = talk.Messages(), AddGenerationPrompt = true };
            return tokenizer.Encode(template.Render(request, stop).Text, addSpecialTokens: false);
        }
        IEnumerable<(string, string)> turns = talk.All.Append(new Turn(Turn.Assistant, "")).Select(turn => (turn.Role, turn.Content));
        return [.. begin, .. tokenizer.Encode(string.Concat(ChatLayout.Lay([.. turns]).Select(part => part.Text)), addSpecialTokens: false)];
    }
}
