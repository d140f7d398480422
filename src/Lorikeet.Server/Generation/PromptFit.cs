namespace Lorikeet.Server;

/// <summary>Fits prompts into the context and answers into the budgets.</summary>
internal static class PromptFit
{
    /// <summary>The prompt, cut where the request asks for that.</summary>
    /// <exception cref="ApiException">400 <c>context_length_exceeded</c>.</exception>
    public static int[] Cut(int[] prompt, int? truncate, bool right, int context, string param)
    {
        (int first, int count) = Fit(prompt.Length, truncate, right, context, param);
        return count == prompt.Length ? prompt : prompt[first..(first + count)];
    }

    /// <summary>What is left of a prompt: its first token and how many.</summary>
    /// <exception cref="ApiException">400 <c>context_length_exceeded</c>.</exception>
    public static (int First, int Count) Fit(int length, int? truncate, bool right, int context, string param)
    {
        int most = truncate is not { } asked ? length : asked < 0 ? context - 1 : asked;
        int count = Math.Min(length, most);
        return count == 0 ? throw ApiException.Value(param, "the prompt has no tokens; expected at least one")
            : count < context ? (right ? 0 : length - count, count)
            : throw ApiException.Bad(param, "context_length_exceeded", $"the prompt has {count} tokens; this model's context has {context}, with room for at least one token of the answer");
    }

    /// <summary>The most tokens of each answer.</summary>
    public static int MostTokens(GenerationSpec spec, int longestPrompt, int answers, int context, ServerLimits limits, string param)
    {
        int room = context - longestPrompt;
        long most = Math.Min(spec.MaxTokens ?? room, room);
        long budget = limits.GeneratedTokens / answers;
        if (most > budget)
        {
            most = spec.AskedTokens ? throw ApiException.Limit(param, most * answers, limits.GeneratedTokens, "answers times tokens") : Math.Max(1, budget);
        }
        return (int)most;
    }
}
