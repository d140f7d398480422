namespace Lorikeet.Models.Text;

/// <summary>What a chat template made of a conversation.</summary>
/// <param name="Text">The text; special tokens are part of it, so it is encoded without adding any.</param>
/// <param name="AssistantSpans">
/// What the assistant says, by the template's <c>generation</c> blocks: start and end of each in code points of the text, in order.
/// </param>
public sealed record RenderedChat(string Text, IReadOnlyList<(int Start, int End)> AssistantSpans);
