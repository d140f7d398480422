using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>The training loop: one optimiser step at a time, over one adapter, many adapters in one batch, or all weights.</summary>
/// <remarks>
/// A step: gradients of all micro-batches, each trainee's global norm, clipping, optimiser with the rate of this step. A step is a function of
/// parameters, optimiser states, data positions and the step's number alone, so a run that is resumed repeats the bits of one that was not.
/// </remarks>
public sealed class Trainer : IDisposable
{
    private readonly TrainerOptions options;
    private readonly LossPass pass;
    private readonly TrainState state;
    private readonly Batch[][] batches;
    private readonly StepNumbers[] numbers;
    private readonly double[] losses;
    private readonly DataPosition[] starts;
    private readonly RankShare? share;
    private bool last;

    /// <summary>A trainer at step 0.</summary>
    /// <param name="model">The model; frozen where adapters train.</param>
    /// <param name="trainees">What is trained: adapters, or one trainee without an adapter.</param>
    /// <param name="options">How.</param>
    public Trainer(LanguageModel model, IReadOnlyList<Trainee> trainees, TrainerOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(trainees);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(trainees.Count, nameof(trainees));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Accumulation, nameof(options));
        this.options = options;
        Trainees = trainees;
        state = new TrainState(trainees);
        batches = new Batch[trainees.Count][];
        for (int i = 0; i < batches.Length; i++)
        {
            batches[i] = new Batch[options.Accumulation];
        }
        numbers = new StepNumbers[trainees.Count];
        losses = new double[trainees.Count];
        foreach (Trainee trainee in trainees)
        {
            trainee.Objective.Check();
        }
        starts = new DataPosition[trainees.Count];
        pass = new LossPass(model, [.. trainees.Select(t => t.Adapter)], options.Checkpointing, [.. trainees.Select(t => t.Objective)]);
        share = options.Ranks is { Count: > 1 } ranks ? new RankShare(ranks, options.Accumulation) : null;
        // Of several ranks a gradient is whole only after their sum.
        pass.Tape.GradientReady = options.Rules.Count > 0 && share is null ? Ready : null;
        Stored = new StoredSteps(pass.Arena, options.Random.Named("rounding"));
        foreach (Trainee trainee in trainees)
        {
            trainee.Stored = Stored;
        }
        Averages = options.Average is { } decay ? new WeightAverages(trainees, decay, Stored) : null;
    }

    /// <summary>What is trained.</summary>
    public IReadOnlyList<Trainee> Trainees { get; }

    /// <summary>What happens around each step, in order.</summary>
    public IReadOnlyList<IStepRule> Rules => options.Rules;

    /// <summary>Where training stands.</summary>
    internal TrainState State => state;

    /// <summary>The moving averages, where they are kept.</summary>
    public WeightAverages? Averages { get; }

    /// <summary>How parameters are read and changed that are not float32 in memory.</summary>
    internal StoredSteps Stored { get; }

    /// <summary>Steps that are done.</summary>
    public int Step
    {
        get => state.Step;
        set => state.Step = value;
    }

    /// <summary>The most bytes of step memory in use at once: values, and gradients in flight.</summary>
    public long PeakBytes => pass.PeakBytes;

    /// <summary>The most bytes that gradients of parameters took at once.</summary>
    public long PeakGradientBytes => pass.Tape.PeakParameterGradientBytes;

    /// <summary>The most bytes of values that were kept for backward at once.</summary>
    public long PeakSavedBytes => pass.Tape.PeakSavedBytes;

    /// <summary>Does one optimiser step.</summary>
    /// <returns>One entry for each trainee; valid until the next step.</returns>
    /// <exception cref="TrainingDivergedException">A gradient is not finite; that trainee's parameters, and those of the trainees after it, are as they were before the step.</exception>
    public IReadOnlyList<StepNumbers> Next()
    {
        foreach (IStepRule rule in options.Rules)
        {
            rule.BeforeStep(state);
        }
        ComputeGradients();
        for (int i = 0; i < Trainees.Count; i++)
        {
            float norm = Trainees[i].Apply(state.Step);
            if (!float.IsFinite(norm))
            {
                throw new TrainingDivergedException(
                    $"{Trainees[i].Name}: the gradient norm of step {state.Step + 1} is {norm} (loss {losses[i]:G5}); lower the learning rate or its warm-up's slope");
            }
            numbers[i] = numbers[i] with { Loss = losses[i], GradientNorm = norm, Rate = Trainees[i].Schedule.Rate(state.Step) };
        }
        state.Numbers = numbers;
        foreach (IStepRule rule in options.Rules)
        {
            rule.AfterStep(state);
        }
        Averages?.Add();
        ClearGradients();
        state.Step++;
        return numbers;
    }

    /// <summary>Computes the gradients of a step and leaves them in the parameters, without changing anything else.</summary>
    /// <returns>The loss of each trainee.</returns>
    /// <exception cref="RanksLostException">A rank is gone; data positions are those before the step.</exception>
    public IReadOnlyList<double> ComputeGradients()
    {
        ClearGradients();
        Array.Clear(losses);
        Draw();
        for (int micro = 0; micro < options.Accumulation; micro++)
        {
            last = micro == options.Accumulation - 1;
            if (share?.Owns(micro) != false)
            {
                Pass(micro);
            }
        }
        if (share is not null)
        {
            Share(share);
        }
        return losses;
    }

    /// <summary>Draws the batches of a step: every rank draws all of them, so that data positions are the same everywhere.</summary>
    private void Draw()
    {
        for (int i = 0; i < Trainees.Count; i++)
        {
            starts[i] = Trainees[i].Data.Position;
            long targets = 0, tokens = 0;
            for (int micro = 0; micro < options.Accumulation; micro++)
            {
                batches[i][micro] = Trainees[i].Data.Next();
                targets += batches[i][micro].TargetCount;
                tokens += batches[i][micro].Tokens.Length;
            }
            numbers[i] = new StepNumbers(0, 0, 0, targets, tokens);
        }
    }

    /// <summary>Adds the gradients and losses of one micro-batch, or of this rank's part of it.</summary>
    private void Pass(int micro)
    {
        pass.Begin();
        long rows = 0;
        for (int i = 0; i < Trainees.Count; i++)
        {
            // Weights are those of the whole step, whoever computes a row.
            double count = Divisor(i, micro);
            Batch own = share?.Part(batches[i][micro]) ?? batches[i][micro];
            rows += own.TargetCount;
            pass.Add(own, i, count > 0 ? (float)(1 / count) : 0f);
        }
        if (share is not null && rows == 0)
        {
            return;
        }
        pass.Backward(options.Random.Named("step").Named($"{state.Step}/{micro}{share?.Mark}"));
        for (int i = 0; i < Trainees.Count; i++)
        {
            double count = Divisor(i, micro);
            losses[i] += count > 0 ? pass.LossSum(i) / count : 0;
        }
    }

    private double Divisor(int trainee, int micro) => options.Mean == LossMean.Tokens
        ? numbers[trainee].Targets
        : (double)batches[trainee][micro].TargetCount * options.Accumulation;

    /// <summary>Sums losses and gradients over the ranks, then tells the rules.</summary>
    private void Share(RankShare with)
    {
        try
        {
            with.Sum(losses, Trainees);
        }
        catch (RanksLostException)
        {
            for (int i = 0; i < Trainees.Count; i++)
            {
                Trainees[i].Data.Position = starts[i];
            }
            throw;
        }
        if (options.Rules.Count == 0)
        {
            return;
        }
        foreach (Trainee trainee in Trainees)
        {
            foreach (ParameterGroup group in trainee.Groups)
            {
                foreach (Parameter parameter in group.Parameters)
                {
                    if (parameter.HasGradient)
                    {
                        Ready(parameter);
                    }
                }
            }
        }
    }

    /// <summary>The mean loss of data that is not trained on.</summary>
    /// <param name="trainee">Whose adapter.</param>
    /// <param name="held">The batches.</param>
    public Evaluation Evaluate(int trainee, IEnumerable<Batch> held)
    {
        ArgumentNullException.ThrowIfNull(held);
        return Evaluator.Run(pass, trainee, held, options.Ranks);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Trainee trainee in Trainees)
        {
            // Batched forms that a plan made stand for old values.
            trainee.Adapter?.ForgetForms();
        }
        Averages?.Dispose();
        pass.Dispose();
    }

    private void ClearGradients()
    {
        foreach (Trainee trainee in Trainees)
        {
            foreach (ParameterGroup group in trainee.Groups)
            {
                for (int i = 0; i < group.Parameters.Count; i++)
                {
                    group.Parameters[i].ClearGradient();
                }
            }
        }
    }

    private void Ready(Parameter parameter)
    {
        if (!last)
        {
            return;
        }
        foreach (IStepRule rule in options.Rules)
        {
            if (rule.GradientReady(parameter, parameter.Gradient))
            {
                parameter.FreeGradient();
                return;
            }
        }
    }
}
