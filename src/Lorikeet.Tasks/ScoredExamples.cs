namespace Lorikeet.Tasks;

/// <summary>Runs examples of several texts each through the model, as many together as fit a batch, and gives them back in order.</summary>
internal static class ScoredExamples
{
    /// <summary>Scores examples until the task is stopped.</summary>
    /// <param name="run">The task.</param>
    /// <param name="total">How many there are.</param>
    /// <param name="make">Makes an example's texts.</param>
    /// <param name="done">Takes them, scored; called in the order of examples.</param>
    /// <returns>How many were done.</returns>
    public static int Run(TaskRun run, int total, Func<int, IReadOnlyList<ScoredText>> make, Action<int, IReadOnlyList<ScoredText>> done)
    {
        using SequenceScorer scorer = new(run.Model, run.Options.CodedActivations);
        int next = 0, finished = 0;
        IReadOnlyList<ScoredText>? carried = null;
        while (finished < total && !run.Stopped)
        {
            List<IReadOnlyList<ScoredText>> batch = [];
            int tokens = 0;
            while (next < total)
            {
                IReadOnlyList<ScoredText> texts = carried ?? make(next);
                int own = texts.Sum(t => t.Inputs.Length);
                if (batch.Count > 0 && tokens + own > run.Options.BatchTokens)
                {
                    carried = texts;
                    break;
                }
                carried = null;
                batch.Add(texts);
                tokens += own;
                next++;
            }
            Score(scorer, [.. batch.SelectMany(t => t)], run.Options.BatchTokens);
            foreach (IReadOnlyList<ScoredText> texts in batch)
            {
                done(finished++, texts);
            }
            run.Report(finished, total, scorer.Rows);
        }
        return finished;
    }

    // One example of many adapters may be more than a batch.
    private static void Score(SequenceScorer scorer, List<ScoredText> texts, int most)
    {
        for (int start = 0; start < texts.Count;)
        {
            int end = start, tokens = 0;
            while (end < texts.Count && (end == start || tokens + texts[end].Inputs.Length <= most))
            {
                tokens += texts[end++].Inputs.Length;
            }
            scorer.Score(texts.GetRange(start, end - start));
            start = end;
        }
    }
}
