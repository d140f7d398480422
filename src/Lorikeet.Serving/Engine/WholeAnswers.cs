using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>Whether a request could run beside others if all went on to their longest answers: then nothing is ever preempted.</summary>
/// <remarks>
/// Answers that grow by a token a step end in the order of what is left to them; at the end of each, those with more left have grown by as much, and
/// the peak is the largest sum at such a moment. An answer whose prompt still runs in chunks does not keep step: it counts with its whole length all
/// the time. Source: the admission of S-LoRA (Sheng et al., arXiv 2311.03285, and router/req_queue.py of its code), in pages instead of tokens; there
/// prompts run apart, so that all keep step.
/// </remarks>
internal static class WholeAnswers
{
    /// <summary>Whether the peak fits the budget beside the adapters in use.</summary>
    /// <param name="running">Those that run.</param>
    /// <param name="candidate">The one that wants to; it holds its adapters already.</param>
    /// <param name="pool">The pool.</param>
    /// <param name="adapters">The adapters.</param>
    /// <param name="options">Limits: where a step has fewer rows than there are answers, or guesses, no answer keeps step.</param>
    public static bool Fit(List<Sequence> running, Sequence candidate, PagePool pool, AdapterCache adapters, EngineOptions options) =>
        Room([.. running, candidate], candidate, pool, adapters, options) >= 0;

    /// <summary>Bytes of the budget that neither the peak nor the adapters in use will need: what a load may take.</summary>
    public static long Room(List<Sequence> running, PagePool pool, AdapterCache adapters, EngineOptions options) => Room(running, null, pool, adapters, options);

    private static long Room(List<Sequence> all, Sequence? candidate, PagePool pool, AdapterCache adapters, EngineOptions options)
    {
        long adapterBytes = 0;
        foreach (AdapterEntry entry in adapters.Entries)
        {
            adapterBytes += entry.List is null ? entry.Bytes : 0;
        }
        bool keep = options.DraftTokens == 0 && options.MaxRows >= options.MaxSequences;
        Sequence[] inStep = [.. all.Where(s => keep && s != candidate && s.Generated > 0 && s.Pending == 1).OrderByDescending(Left)];
        long whole = all.Where(s => !inStep.Contains(s)).Sum(s => Bytes(s, Left(s)));
        long peak = 0;
        for (int i = 0; i < inStep.Length; i++)
        {
            long sum = 0;
            for (int j = 0; j <= i; j++)
            {
                sum += Bytes(inStep[j], Left(inStep[i]));
            }
            peak = Math.Max(peak, sum);
        }
        return pool.BudgetBytes - adapterBytes - whole - peak;

        long Bytes(Sequence sequence, int more) =>
            sequence.Held!.Layout.Bytes(sequence.Count + more, Math.Min(sequence.Count + more, options.MaxRows));
    }

    private static int Left(Sequence sequence) => sequence.MaxTokens - sequence.Generated;
}
