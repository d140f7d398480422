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
        pass = new LossPass(model, [.. trainees.Select(t => t.Adapter)], options.Checkpointing);
        pass.Tape.GradientReady = options.Rules.Count > 0 ? Ready : null;
    }

    /// <summary>What is trained.</summary>
    public IReadOnlyList<Trainee> Trainees { get; }

    /// <summary>What happens around each step, in order.</summary>
    public IReadOnlyList<IStepRule> Rules => options.Rules;

    /// <summary>Where training stands.</summary>
    internal TrainState State => state;

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
        ClearGradients();
        state.Step++;
        return numbers;
    }

    /// <summary>Computes the gradients of a step and leaves them in the parameters, without changing anything else.</summary>
    /// <returns>The loss of each trainee.</returns>
    public IReadOnlyList<double> ComputeGradients()
    {
        ClearGradients();
        Array.Clear(losses);
        for (int i = 0; i < Trainees.Count; i++)
        {
            long targets = 0, tokens = 0;
            for (int micro = 0; micro < options.Accumulation; micro++)
            {
                batches[i][micro] = Trainees[i].Data.Next();
                targets += batches[i][micro].TargetCount;
                tokens += batches[i][micro].Tokens.Length;
            }
            numbers[i] = new StepNumbers(0, 0, 0, targets, tokens);
        }
        for (int micro = 0; micro < options.Accumulation; micro++)
        {
            last = micro == options.Accumulation - 1;
            pass.Begin();
            for (int i = 0; i < Trainees.Count; i++)
            {
                Batch batch = batches[i][micro];
                double count = options.Mean == LossMean.Tokens ? numbers[i].Targets : (double)batch.TargetCount * options.Accumulation;
                pass.Add(batch, i, count > 0 ? (float)(1 / count) : 0f);
            }
            pass.Backward(options.Random.Named("step").Named($"{state.Step}/{micro}"));
            for (int i = 0; i < Trainees.Count; i++)
            {
                double count = options.Mean == LossMean.Tokens ? numbers[i].Targets : (double)batches[i][micro].TargetCount * options.Accumulation;
                losses[i] += count > 0 ? pass.LossSum(i) / count : 0;
            }
        }
        return losses;
    }

    /// <summary>The mean loss of data that is not trained on.</summary>
    /// <param name="trainee">Whose adapter.</param>
    /// <param name="held">The batches.</param>
    public Evaluation Evaluate(int trainee, IEnumerable<Batch> held)
    {
        ArgumentNullException.ThrowIfNull(held);
        return Evaluator.Run(pass, trainee, held);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Trainee trainee in Trainees)
        {
            // Batched forms that a plan made stand for old values.
            trainee.Adapter?.ForgetForms();
        }
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
