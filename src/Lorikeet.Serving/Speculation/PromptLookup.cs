namespace Lorikeet.Serving;

/// <summary>Guesses the next tokens from the text itself: what followed the last place where it ended as it ends now.</summary>
/// <remarks>
/// Guesses cost rows and never change an answer: each is compared with the token that is chosen at its place. Source: Saxena, Prompt Lookup Decoding,
/// 2023; Yang et al., Inference with Reference, arXiv 2304.04487.
/// </remarks>
internal static class PromptLookup
{
    /// <summary>The longest end of the text that is looked for.</summary>
    private const int LongestEnd = 4;

    /// <summary>The shortest that counts as a sign.</summary>
    private const int ShortestEnd = 2;

    /// <summary>How far back it looks: the search is part of every step.</summary>
    private const int Reach = 4096;

    /// <summary>Finds guesses.</summary>
    /// <param name="tokens">The text so far.</param>
    /// <param name="guesses">Receives them.</param>
    /// <returns>How many there are.</returns>
    public static int Find(ReadOnlySpan<int> tokens, Span<int> guesses)
    {
        ReadOnlySpan<int> text = tokens.Length > Reach ? tokens[^Reach..] : tokens;
        for (int length = Math.Min(LongestEnd, text.Length - 1); length >= ShortestEnd; length--)
        {
            int at = text[..^1].LastIndexOf(text[^length..]);
            if (at >= 0)
            {
                // What follows may reach the end of the text: then it goes on with the guesses themselves, as a text does that repeats itself.
                ReadOnlySpan<int> follows = text[(at + length)..];
                for (int i = 0; i < guesses.Length; i++)
                {
                    guesses[i] = i < follows.Length ? follows[i] : guesses[i - follows.Length];
                }
                return guesses.Length;
            }
        }
        return 0;
    }
}
