using Lorikeet.Models;
using Lorikeet.Training;

namespace Lorikeet.Tasks;

/// <summary>A question with each of several continuations, for each adapter.</summary>
internal static class Continuations
{
    /// <summary>The texts to score: adapter by adapter, for each all continuations.</summary>
    /// <param name="run">The task.</param>
    /// <param name="question">The question as the model reads it.</param>
    /// <param name="continuations">What may follow.</param>
    /// <param name="only">Which adapters, by number; null: all.</param>
    public static List<ScoredText> Make(TaskRun run, string question, IReadOnlyList<string> continuations, IReadOnlyList<int>? only = null)
    {
        DocumentEncoder encoder = new(run.Tokenizer);
        List<(int[] Tokens, int First)> encoded = [];
        foreach (string continuation in continuations)
        {
            TextPart[] parts = [new(question, false), new(continuation, true)];
            encoder.Encode(new DataRecord(parts, false) { Complete = run.Options.Template is not null }, parts);
            int[] tokens = [.. encoder.Ids];
            int first = encoder.Learn.IndexOf(true), end = encoder.Learn.Count;
            // What is compared ends with the continuation: the end token is not part of it.
            end -= run.Options.Template is null && run.Tokenizer.EosId is not null ? 1 : 0;
            int before = first == 0 ? 1 : 0;
            tokens = before > 0 ? [run.Tokenizer.BosId ?? run.Tokenizer.EosId ?? tokens[0], .. tokens[..end]] : tokens[..end];
            int[] kept = run.Fit(tokens, 1);
            encoded.Add((kept, Math.Max(1, first + before - (tokens.Length - kept.Length))));
        }
        IEnumerable<Adapter?> adapters = only?.Select(a => run.Adapters[a]) ?? run.Adapters;
        return [.. adapters.SelectMany(adapter => encoded.Select(e => ScoredText.After(adapter, e.Tokens, e.First)))];
    }

    /// <summary>The log-probabilities of a continuation's tokens.</summary>
    public static IReadOnlyList<double> LogProbabilities(ScoredText text)
    {
        List<double> all = [];
        for (int i = 0; i < text.Targets.Length; i++)
        {
            if (text.Targets[i] >= 0)
            {
                all.Add(-text.Losses[i]);
            }
        }
        return all;
    }
}
