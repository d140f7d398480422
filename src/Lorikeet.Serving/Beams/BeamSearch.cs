using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving;

/// <summary>Beam search: follows the likeliest beginnings side by side and returns the best whole answers.</summary>
/// <remarks>
/// As Transformers' generate: each step looks at the best (1 + number of end tokens, at least 2) * beams continuations; those that end count as
/// answers only among the first <c>beams</c>, the best <c>beams</c> that do not end go on.
/// </remarks>
/// <param name="model">The model.</param>
/// <param name="pool">Where keys and values are kept.</param>
public sealed class BeamSearch(LanguageModel model, PagePool pool)
{
    private readonly SamplingScratch scratch = new(model.Config.VocabularySize);

    /// <summary>Searches.</summary>
    /// <param name="prompt">The prompt's token ids.</param>
    /// <param name="options">How.</param>
    /// <param name="adapter">The adapter; null: the bare model.</param>
    /// <param name="stop">Stops between steps.</param>
    /// <returns>As many answers as beams, best first.</returns>
    /// <exception cref="ArgumentException">An option has a value it cannot have.</exception>
    /// <exception cref="OutOfPagesException">The pool is too small.</exception>
    public IReadOnlyList<BeamAnswer> Run(IReadOnlyList<int> prompt, BeamOptions options, Adapter? adapter = null, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        Check(prompt, options);
        IReadOnlyList<int> ends = options.EndIds ?? model.Config.EndIds;
        Sampler sampler = new(options.Sampling, ends);
        int most = Math.Min(options.MaxTokens, model.Config.MaxPositions - prompt.Count);
        List<Beam> running = [new Beam([.. prompt], 0, new SequenceState(pool, model, adapter))];
        List<BeamAnswer> finished = [];
        using ModelRun run = new();
        try
        {
            for (int length = 1; ; length++)
            {
                stop.ThrowIfCancellationRequested();
                List<Candidate> best = Continue(run, running, adapter, sampler, prompt.Count, Math.Max(1 + ends.Count, 2) * options.Beams);
                for (int i = 0; i < Math.Min(options.Beams, best.Count); i++)
                {
                    if (length == most || ends.Contains(best[i].Token))
                    {
                        finished.Add(new BeamAnswer([.. running[best[i].Beam].Tokens.Skip(prompt.Count), best[i].Token], Score(best[i].Sum, length)));
                    }
                }
                // A stable order: of equal scores the earlier stays ahead.
                finished = [.. finished.OrderByDescending(f => f.Score).Take(options.Beams)];
                running = Advance(running, best.Where(c => !ends.Contains(c.Token)).Take(options.Beams));
                if (length == most || running.Count == 0 || (finished.Count == options.Beams && Stops(length)))
                {
                    return finished;
                }
            }
        }
        finally
        {
            running.ForEach(b => b.State.Dispose());
        }

        double Score(double sum, int length) => sum / Math.Pow(length, options.LengthPenalty);

        bool Stops(int length) => options.Stop switch
        {
            BeamStop.AtOnce => true,
            BeamStop.NoneCanBeBetter when options.LengthPenalty > 0 => Score(running[0].Sum, most) <= finished[^1].Score,
            _ => Score(running[0].Sum, length) <= finished[^1].Score,
        };
    }

    /// <summary>Runs the beams' new tokens and returns the best continuations of all, best first.</summary>
    private List<Candidate> Continue(ModelRun run, List<Beam> running, Adapter? adapter, Sampler sampler, int promptLength, int wanted)
    {
        run.Arena.Reset();
        foreach (Beam beam in running.Where(b => b.State.IsStale(b.Tokens.Count)))
        {
            beam.State.Restart();
        }
        int[] ids = [.. running.SelectMany(b => b.Tokens.Skip(b.State.Length))];
        (SequenceState, int)[] rows = [.. running.Select(b => (b.State, b.Tokens.Count - b.State.Length))];
        foreach ((SequenceState state, int count) in rows)
        {
            state.Reserve(count);
        }
        run.Rows = new Rows(rows);
        run.Plan = BatchPlan.For(adapter, ids.Length);
        Tensor hidden = model.Forward(run, Input.Of(ids));
        Tensor last = run.Allocate(running.Count, hidden.Width);
        for (int beam = 0, row = 0; beam < running.Count; beam++)
        {
            row += rows[beam].Item2;
            hidden.Row(row - 1).CopyTo(last.Row(beam));
        }
        run.Plan = BatchPlan.For(adapter, running.Count);
        Tensor logits = model.Logits(run, last);
        List<Candidate> all = [];
        for (int beam = 0; beam < running.Count; beam++)
        {
            running[beam].State.Append(rows[beam].Item2);
            Span<float> scores = logits.Row(beam);
            float logSum = 0;
            Softmax.LogSumExpRows(scores, scores.Length, new Span<float>(ref logSum));
            for (int i = 0; i < scores.Length; i++)
            {
                scores[i] -= logSum;
            }
            sampler.Process(scores, running[beam].Tokens.ToArray(), promptLength, scratch);
            Cut cut = Selection.Find(scores, default, wanted, 1, scratch.Candidates.Bins);
            for (int token = 0; token < scores.Length; token++)
            {
                if (scores[token] >= cut.Key && scores[token] > float.NegativeInfinity)
                {
                    all.Add(new Candidate(beam, token, running[beam].Sum + scores[token]));
                }
            }
        }
        return [.. all.OrderByDescending(c => c.Sum).Take(wanted)];
    }

    /// <summary>The next beams; a parent's state goes to its first child, the others copy it.</summary>
    private static List<Beam> Advance(List<Beam> parents, IEnumerable<Candidate> chosen)
    {
        List<Beam> next = [];
        HashSet<int> taken = [];
        try
        {
            foreach (Candidate c in chosen)
            {
                Beam parent = parents[c.Beam];
                SequenceState state = taken.Add(c.Beam) ? parent.State : parent.State.Fork();
                next.Add(new Beam([.. parent.Tokens, c.Token], c.Sum, state));
            }
        }
        catch
        {
            next.Where(b => !parents.Exists(p => p.State == b.State)).ToList().ForEach(b => b.State.Dispose());
            throw;
        }
        for (int i = 0; i < parents.Count; i++)
        {
            if (!taken.Contains(i))
            {
                parents[i].State.Dispose();
            }
        }
        return next;
    }

    private void Check(IReadOnlyList<int> prompt, BeamOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Sampling.Check(model.Config.VocabularySize);
        string? wrong = options.Beams < 1 ? $"num_beams is {options.Beams}; expected 1 or more"
            : options.MaxTokens < 1 ? $"max_tokens is {options.MaxTokens}; expected 1 or more"
            : !double.IsFinite(options.LengthPenalty) ? $"length_penalty is {options.LengthPenalty}; expected a finite number"
            : options.Sampling.Temperature != 1 ? $"temperature is {options.Sampling.Temperature}; a beam search compares the model's own scores: expected 1"
            : prompt.Count == 0 || prompt.Count >= model.Config.MaxPositions ? $"the prompt has {prompt.Count} tokens; expected 1 to {model.Config.MaxPositions - 1}"
            : prompt.Any(id => id < 0 || id >= model.Config.VocabularySize) ? $"the prompt has a token outside 0 to {model.Config.VocabularySize - 1}"
            : null;
        if (wrong is not null)
        {
            throw new ArgumentException(wrong, nameof(options));
        }
    }

    private sealed record Beam(List<int> Tokens, double Sum, SequenceState State);

    private readonly record struct Candidate(int Beam, int Token, double Sum);
}
