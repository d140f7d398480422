using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Steps each parameter the moment its gradient is complete, inside backward, and frees the gradient: gradients of all parameters never exist at once.</summary>
/// <remarks>
/// Weights and states are bit for bit those of a step over all parameters together. With several micro-batches parameters step in the last one, at the boundary
/// of the optimiser step: until then the sums of all gradients are kept, so nothing is saved. A gradient that is not finite stops the steps that follow it, but
/// not those before it. Clipping needs the norm of all gradients before the first step, so there is none.
/// Source: Lv et al., LOMO, arXiv 2306.09782; GaLore, arXiv 2403.03507, section 5.
/// </remarks>
public sealed class PerLayerSteps : IStepRule
{
    private TrainState? now;

    /// <inheritdoc/>
    public string Name => "per-layer";

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A trainee clips its gradients.</exception>
    public void BeforeStep(TrainState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        foreach (Trainee trainee in state.Trainees)
        {
            if (trainee.Clip is { } clip)
            {
                throw new ArgumentException(
                    $"{trainee.Name} clips gradients at norm {clip}, but per-layer steps happen before the norm of all gradients is known: turn clipping off (--clip 0), or per-layer steps");
            }
        }
        now = state;
    }

    /// <inheritdoc/>
    public bool GradientReady(Parameter parameter, in Tensor gradient)
    {
        if (now is not null)
        {
            foreach (Trainee trainee in now.Trainees)
            {
                if (trainee.Take(now.Step, parameter))
                {
                    return true;
                }
            }
        }
        return false;
    }

    /// <inheritdoc/>
    public void AfterStep(TrainState state) => now = null;
}
