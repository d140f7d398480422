namespace Lorikeet.Training;

/// <summary>The plain layout of a conversation, for models without a chat template of their own.</summary>
/// <remarks>
/// Each turn is its role in angle brackets with bars, a line break, its content and a line break:
/// <c>&lt;|user|&gt;\nHello\n&lt;|assistant|&gt;\nHi!</c>. Only what assistants say is learnt; the end-of-text token after the last turn is too.
/// </remarks>
public static class ChatLayout
{
    /// <summary>The roles that occur; any other is refused.</summary>
    public static IReadOnlyList<string> Roles { get; } = ["system", "user", "assistant", "tool"];

    /// <summary>The text of a conversation.</summary>
    /// <param name="turns">Role and content of each turn.</param>
    public static IReadOnlyList<TextPart> Lay(IReadOnlyList<(string Role, string Content)> turns)
    {
        ArgumentNullException.ThrowIfNull(turns);
        List<TextPart> parts = [];
        for (int i = 0; i < turns.Count; i++)
        {
            (string role, string content) = turns[i];
            parts.Add(new TextPart($"{(i > 0 ? "\n" : "")}<|{role}|>\n", false));
            parts.Add(new TextPart(content, role == "assistant"));
        }
        return parts;
    }
}
