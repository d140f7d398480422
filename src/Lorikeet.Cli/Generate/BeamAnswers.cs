using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Generate;

/// <summary>Answers by beam search, one request after the other; of each the best is shown.</summary>
internal static class BeamAnswers
{
    /// <summary>Searches.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="requests">The requests.</param>
    /// <param name="options">How.</param>
    /// <param name="stop">Stops between steps.</param>
    public static IEnumerable<GenerationEvent> Run(
        LanguageModel model, Tokenizer tokenizer, IReadOnlyList<GenerationRequest> requests, BeamOptions options, CancellationToken stop)
    {
        using PagePool pool = new(new EngineOptions().CacheBytes);
        BeamSearch search = new(model, pool);
        for (int i = 0; i < requests.Count; i++)
        {
            GenerationRequest request = requests[i];
            BeamOptions own = options with { MaxTokens = request.MaxTokens, EndIds = request.EndIds, Sampling = request.Sampling };
            IReadOnlyList<BeamAnswer> found = search.Run(request.Prompt, own, request.Adapter, stop);
            if (found.Count == 0)
            {
                yield return new GenerationEvent(i, -1, "", FinishReason.Failed);
                continue;
            }
            IReadOnlyList<int> tokens = found[0].Tokens;
            bool ended = request.EndIds!.Contains(tokens[^1]);
            TextStream text = tokenizer.Stream();
            for (int at = 0; at < tokens.Count - 1; at++)
            {
                yield return new GenerationEvent(i, tokens[at], text.Push(tokens[at]), FinishReason.None);
            }
            string last = ended ? "" : text.Push(tokens[^1]);
            yield return new GenerationEvent(i, tokens[^1], last + text.Close(), ended ? FinishReason.Stop : FinishReason.Length);
        }
    }
}
