using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Steps of parameters that are kept in another form than float32: each is opened in scratch memory, changed, and rounded back by chance.</summary>
/// <remarks>The numbers that decide a rounding depend on seed, parameter and step alone, so a run that is resumed rounds as one that was not.</remarks>
/// <param name="arena">Scratch memory: the step's own, of which little is in use by then.</param>
/// <param name="random">The seed.</param>
internal sealed class StoredSteps(Arena arena, CounterRandom random)
{
    private readonly List<Update> plain = [];

    /// <summary>Does an optimiser's step; stored parameters step one by one, so that one open value exists at a time.</summary>
    /// <param name="optimizer">The optimiser.</param>
    /// <param name="updates">The parameters' shares.</param>
    /// <param name="step">The step's number.</param>
    public void Run(IOptimizer optimizer, ReadOnlySpan<Update> updates, int step)
    {
        plain.Clear();
        foreach (Update update in updates)
        {
            if (!update.Parameter.IsStored)
            {
                plain.Add(update);
                continue;
            }
            ArenaMark mark = arena.Mark;
            update.Parameter.Open(arena.Allocate(update.Parameter.Value.Shape));
            optimizer.Step([update]);
            update.Parameter.Close(random.Named(update.Parameter.Name).Named($"{step}"));
            arena.Release(mark);
        }
        if (plain.Count > 0)
        {
            optimizer.Step(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(plain));
        }
    }

    /// <summary>Does something with a parameter's value; a stored one is open meanwhile.</summary>
    /// <param name="parameter">The parameter.</param>
    /// <param name="use">What to do.</param>
    /// <param name="changed">Whether it puts numbers in that can be stored exactly; false: it only reads.</param>
    public void With(Parameter parameter, Action<Tensor> use, bool changed = false)
    {
        if (!parameter.IsStored)
        {
            use(parameter.Value);
            return;
        }
        ArenaMark mark = arena.Mark;
        parameter.Open(arena.Allocate(parameter.Value.Shape));
        use(parameter.Value);
        parameter.Close(changed ? random : null);
        arena.Release(mark);
    }
}
