using Lorikeet.Models;

namespace Lorikeet.Server;

/// <summary>Fits prompts into the context and answers into the budgets.</summary>
internal static class PromptFit
{
    /// <summary>The prompt, cut where the request asks for that.</summary>
    /// <exception cref="ApiException">400 <c>context_length_exceeded</c>.</exception>
    public static int[] Cut(int[] prompt, int? truncate, bool right, int context, string param)
    {
        if (truncate is { } asked)
        {
            int most = asked < 0 ? context - 1 : asked;
            if (prompt.Length > most)
            {
                prompt = right ? prompt[..most] : prompt[^most..];
            }
        }
        return prompt.Length == 0 ? throw ApiException.Value(param, "the prompt has no tokens; expected at least one")
            : prompt.Length < context ? prompt
            : throw ApiException.Bad(param, "context_length_exceeded", $"the prompt has {prompt.Length} tokens; this model's context has {context}, with room for at least one token of the answer");
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

    /// <summary>The longest text a model reads.</summary>
    public static int Context(LanguageModel model) => model.Config.MaxPositions;
}
