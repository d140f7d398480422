using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>Whether a request could run beside others if all went on to their longest answers: then nothing is ever preempted.</summary>
/// <remarks>
/// Sequences end in the order of what is left to them; at the end of each, those with more left have grown by as much. The peak is the largest sum at
/// such a moment. Source: the admission of S-LoRA (Sheng et al., arXiv 2311.03285, and router/req_queue.py of its code), in pages instead of tokens.
/// </remarks>
internal static class WholeAnswers
{
    /// <summary>Whether the peak fits the budget beside the adapters in use.</summary>
    /// <param name="running">Those that run.</param>
    /// <param name="candidate">The one that wants to; it holds its adapters already.</param>
    /// <param name="pool">The pool.</param>
    /// <param name="adapters">The adapters.</param>
    /// <param name="rows">The most rows of a step.</param>
    public static bool Fit(List<Sequence> running, Sequence candidate, PagePool pool, AdapterCache adapters, int rows)
    {
        long adapterBytes = 0;
        foreach (AdapterEntry entry in adapters.Entries)
        {
            adapterBytes += entry.List is null ? entry.Bytes : 0;
        }
        Sequence[] all = [.. running.Append(candidate).OrderByDescending(Left)];
        long peak = 0;
        for (int i = 0; i < all.Length; i++)
        {
            long sum = 0;
            for (int j = 0; j <= i; j++)
            {
                int length = all[j].Count + Left(all[i]);
                sum += all[j].Held!.Layout.Bytes(length, Math.Min(length, rows));
            }
            peak = Math.Max(peak, sum);
        }
        return peak <= pool.BudgetBytes - adapterBytes;
    }

    private static int Left(Sequence sequence) => sequence.MaxTokens - sequence.Generated;
}
