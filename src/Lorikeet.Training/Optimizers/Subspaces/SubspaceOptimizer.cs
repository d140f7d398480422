using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Any optimiser, run in a part of each matrix's space: GaLore, Fira, FRUGAL, Natural GaLore and their kin.</summary>
/// <remarks>
/// Every T steps the part is chosen anew; it stays where a gradient that is zero says nothing. A step: R = down(G); the natural gradient of it, where asked; the inner optimiser steps a parameter of zeros in R's shape
/// with the gradient R, so that its value is the change; W += scale up(change); the residual rule changes W by what lies outside; decay first or last.
/// What is not projected goes to the inner optimiser as it is.
/// </remarks>
/// <param name="name">The name in options and files.</param>
/// <param name="inner">The optimiser inside; its step must not depend on the parameter's value.</param>
/// <param name="subspace">How the part is chosen.</param>
/// <param name="options">The rest.</param>
public sealed class SubspaceOptimizer(string name, IOptimizer inner, Subspace subspace, SubspaceOptions options) : IOptimizer
{
    private const string Turns = "turns";

    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    /// <remarks>What a state holds depends on the part, which is chosen in the first step.</remarks>
    public void Begin(OptimizerState state, Shape shape)
    {
    }

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<Update> updates)
    {
        List<Update> plain = [];
        int projected = 0, number = 0;
        for (int i = 0; i < updates.Length; i++)
        {
            projected += updates[i].Projected ? 1 : 0;
        }
        for (int i = 0; i < updates.Length; i++)
        {
            if (updates[i].Projected)
            {
                One(updates[i], updates[i].Count > 0 ? updates[i].Number : number++, updates[i].Count > 0 ? updates[i].Count : projected);
                continue;
            }
            if (updates[i].State.Names.Count + updates[i].State.Codes.Count == 0)
            {
                inner.Begin(updates[i].State, updates[i].Parameter.Value.Shape);
            }
            plain.Add(updates[i]);
        }
        if (plain.Count > 0)
        {
            inner.Step(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(plain));
        }
    }

    private void One(Update update, int number, int count)
    {
        OptimizerState state = update.State;
        Shape shape = update.Parameter.Value.Shape;
        // Decay goes by the rate of all parameters, not by that of the projected ones.
        float keep = (float)(1 - (update.Rate * update.Decay));
        update = update with { Rate = update.Rate * options.RateScale };
        if (state.Steps % options.Period == 0)
        {
            if (subspace.CanChoose(update.Gradient))
            {
                Choose(update, number, count);
            }
            else if (!state.Has(Turns))
            {
                // Nothing is known yet of where gradients lie (the A of a fresh LoRA adapter): the first step is the first with a gradient.
                Decay(update.Parameter, keep);
                return;
            }
        }
        state.Steps++;
        Tensor whole = Storage.Zeros(shape), low = default, change = default;
        if (state.Part is { } part)
        {
            Shape inside = subspace.Inside(shape, state)!.Value;
            low = Storage.Zeros(inside);
            change = Storage.Zeros(inside);
            subspace.Down(state, update.Gradient, low);
            options.Natural?.Apply(state, low);
            inner.Step([new Update(new Parameter(update.Parameter.Name, change), low, part, update.Rate, 0) { Whole = update.Parameter }]);
            subspace.Up(state, change, whole);
        }
        if (!options.DecaysLast)
        {
            Decay(update.Parameter, keep);
        }
        if (low.Exists)
        {
            Elementwise.AddScaled((float)options.Scale, whole.Span, update.Parameter.Value.Span);
        }
        if (options.Residual is { } residual)
        {
            if (low.Exists)
            {
                subspace.Up(state, low, whole);
            }
            residual.Apply(new ResidualStep(update, low, whole, options.Scale, subspace.IsWhole(shape, state)));
        }
        if (options.DecaysLast)
        {
            Decay(update.Parameter, keep);
        }
        subspace.Learn(state, update.Gradient, update.Rate);
        whole.Free();
        low.Free();
        change.Free();
    }

    private void Choose(in Update update, int number, int count)
    {
        OptimizerState state = update.State;
        Tensor turns = state.Add(Turns, new Shape(1));
        int turn = (int)turns.Span[0];
        CounterRandom random = options.Random.Named($"turn {turn}");
        subspace.Choose(new SubspaceRequest(update.Parameter.Name, update.Gradient, turn, number, count, random.Named(update.Parameter.Name), random), state);
        turns.Span[0] = turn + 1;
        if (options.Natural is { Clears: true })
        {
            NaturalGradient.Forget(state);
        }
        if (turn > 0 && !options.Resets)
        {
            return;
        }
        // Moments of zero in the new part's shape, and steps counted from 0.
        state.Part?.Dispose();
        state.Part = null;
        state.Steps = 0;
        if (subspace.Inside(update.Parameter.Value.Shape, state) is { } inside)
        {
            state.Part = new OptimizerState();
            inner.Begin(state.Part, inside);
        }
    }

    private static void Decay(Parameter parameter, float keep)
    {
        if (keep != 1f)
        {
            Elementwise.Scale(parameter.Value.Span, keep, parameter.Value.Span);
        }
    }
}

/// <summary>How a <see cref="SubspaceOptimizer"/> works.</summary>
public sealed record SubspaceOptions
{
    /// <summary>Steps between two choices.</summary>
    public int Period { get; init; } = 200;

    /// <summary>What multiplies the change that is brought back (GaLore's alpha).</summary>
    public double Scale { get; init; } = 1;

    /// <summary>What multiplies the rate of projected matrices.</summary>
    public double RateScale { get; init; } = 1;

    /// <summary>Begin with moments of zero after each choice.</summary>
    public bool Resets { get; init; }

    /// <summary>Decay after the step, with the weights already moved; else before it.</summary>
    public bool DecaysLast { get; init; } = true;

    /// <summary>What happens outside the part; null: nothing, that gradient is dropped.</summary>
    public IResidual? Residual { get; init; }

    /// <summary>A second-order correction of the projected gradient, or null.</summary>
    public NaturalGradient? Natural { get; init; }

    /// <summary>Where random parts come from.</summary>
    public CounterRandom Random { get; init; } = new(0);
}
