using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Bench;

/// <summary>A batch of sequences of random tokens on a model, for timing prefill and decode steps with any plan of adapters.</summary>
internal sealed class Decoder : IDisposable
{
    private readonly LanguageModel model;
    private readonly ModelRun run = new();
    private readonly PagePool pool = new(8L << 30);
    private readonly CounterRandom random = new(7);

    /// <param name="model">The model.</param>
    public Decoder(LanguageModel model) => this.model = model;

    /// <summary>Seconds of a prefill of whole prompts, logits of the last row of each included.</summary>
    /// <param name="batch">Prompts.</param>
    /// <param name="tokens">Tokens of each.</param>
    /// <param name="segments">The adapter of each prompt, as segments of prompts; empty: the bare model.</param>
    /// <param name="ownForwards">Run the adapters' own forwards.</param>
    /// <param name="runs">How often it is timed.</param>
    /// <param name="stop">Stops between steps.</param>
    public double Prefill(int batch, int tokens, IReadOnlyList<(Adapter? Adapter, int Prompts)> segments, bool ownForwards, int runs, CancellationToken stop)
    {
        int[] ids = Ids(batch * tokens);
        BatchPlan? plan = Plan(segments, tokens), headPlan = Plan(segments, 1);
        return Median.Seconds(
            () =>
            {
                SequenceState[] states = States(batch, segments);
                foreach (SequenceState state in states)
                {
                    state.Reserve(tokens);
                }
                Step(new Rows([.. states.Select(s => (s, tokens))]), ids, plan, headPlan, ownForwards);
                foreach (SequenceState state in states)
                {
                    state.Dispose();
                }
            },
            runs,
            stop);
    }

    /// <summary>Seconds of one decode step: one new row of each sequence after a short prompt.</summary>
    /// <param name="batch">Sequences.</param>
    /// <param name="prompt">Tokens of each that are in the state before.</param>
    /// <param name="segments">The adapter of each sequence, as segments of sequences.</param>
    /// <param name="ownForwards">Run the adapters' own forwards.</param>
    /// <param name="runs">How often it is timed.</param>
    /// <param name="stop">Stops between steps.</param>
    public double Decode(int batch, int prompt, IReadOnlyList<(Adapter? Adapter, int Prompts)> segments, bool ownForwards, int runs, CancellationToken stop)
    {
        using Session session = Begin(batch, prompt, segments, ownForwards);
        return Median.Seconds(session.Step, runs, stop);
    }

    /// <summary>Runs the prompts and leaves the sequences ready for decode steps.</summary>
    /// <param name="batch">Sequences.</param>
    /// <param name="prompt">Tokens of each that are in the state before.</param>
    /// <param name="segments">The adapter of each sequence, as segments of sequences; empty: the bare model.</param>
    /// <param name="ownForwards">Run the adapters' own forwards.</param>
    public Session Begin(int batch, int prompt, IReadOnlyList<(Adapter? Adapter, int Prompts)> segments, bool ownForwards = false) =>
        new(this, batch, prompt, segments, ownForwards);

    /// <inheritdoc/>
    public void Dispose()
    {
        run.Dispose();
        pool.Dispose();
    }

    private void Step(Rows rows, int[] ids, BatchPlan? plan, BatchPlan? headPlan, bool ownForwards)
    {
        run.Arena.Reset();
        run.OwnForwards = ownForwards;
        run.Rows = rows;
        run.Plan = plan;
        Tensor hidden = model.Forward(run, Input.Of(ids));
        Tensor last = run.Allocate(rows.Sequences.Length, hidden.Width);
        for (int i = 0; i < rows.Sequences.Length; i++)
        {
            hidden.Row(rows.Sequences[i].Row + rows.Sequences[i].Rows - 1).CopyTo(last.Row(i));
        }
        run.Plan = headPlan;
        model.Logits(run, last);
    }

    private BatchPlan? Plan(IReadOnlyList<(Adapter? Adapter, int Prompts)> segments, int rowsEach)
    {
        if (segments.Count == 0)
        {
            return null;
        }
        List<RowSegment> list = [];
        int row = 0;
        foreach ((Adapter? adapter, int prompts) in segments)
        {
            list.Add(new RowSegment(adapter, row, prompts * rowsEach));
            row += prompts * rowsEach;
        }
        return new BatchPlan(model, [.. list]);
    }

    private SequenceState[] States(int batch, IReadOnlyList<(Adapter? Adapter, int Prompts)> segments)
    {
        Adapter?[] of = segments.Count == 0 ? new Adapter?[batch] : [.. segments.SelectMany(s => Enumerable.Repeat(s.Adapter, s.Prompts))];
        return [.. of.Select(a => new SequenceState(pool, model, a))];
    }

    private static void Append(SequenceState[] states, int tokens)
    {
        foreach (SequenceState state in states)
        {
            state.Append(tokens);
        }
    }

    private int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(i => random.Integer((ulong)i, model.Config.VocabularySize))];

    /// <summary>Sequences that decode one token a step, so that steps of several sessions can be timed in turn.</summary>
    public sealed class Session : IDisposable
    {
        private readonly Decoder decoder;
        private readonly SequenceState[] states;
        private readonly Rows rows;
        private readonly BatchPlan? plan;
        private readonly int[] ids;
        private readonly bool ownForwards;

        internal Session(Decoder decoder, int batch, int prompt, IReadOnlyList<(Adapter? Adapter, int Prompts)> segments, bool ownForwards)
        {
            this.decoder = decoder;
            this.ownForwards = ownForwards;
            states = decoder.States(batch, segments);
            foreach (SequenceState state in states)
            {
                state.Reserve(prompt);
            }
            decoder.Step(
                new Rows([.. states.Select(s => (s, prompt))]), decoder.Ids(batch * prompt), decoder.Plan(segments, prompt), decoder.Plan(segments, 1), ownForwards);
            Append(states, prompt);
            foreach (SequenceState state in states)
            {
                state.Reserve(1);
            }
            rows = new Rows([.. states.Select(s => (s, 1))]);
            plan = decoder.Plan(segments, 1);
            ids = decoder.Ids(batch);
        }

        /// <summary>One new row of each sequence.</summary>
        public void Step()
        {
            foreach (SequenceState state in states)
            {
                state.Reserve(1);
            }
            decoder.Step(rows, ids, plan, plan, ownForwards);
            Append(states, 1);
            rows.Advance();
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            foreach (SequenceState state in states)
            {
                state.Dispose();
            }
        }
    }
}
