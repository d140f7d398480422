using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Parameters that share a rate and a decay.</summary>
/// <param name="Name">What they are, for messages.</param>
/// <param name="Parameters">The parameters.</param>
/// <param name="Decay">Weight decay.</param>
/// <param name="RateFactor">Their rate over that of the schedule.</param>
/// <param name="Projected">Whether an optimiser that works in a part of the gradient's space does so for them.</param>
public sealed record ParameterGroup(string Name, IReadOnlyList<Parameter> Parameters, double Decay, double RateFactor = 1, bool Projected = false);

/// <summary>What is trained: an adapter, or the model's own weights; with its own data, loss mean, optimiser state, rate and clipping.</summary>
/// <remarks>Several adapters train in one batch, each as if it were alone.</remarks>
public sealed class Trainee : IDisposable
{
    private readonly List<Tensor> gradients = [];
    private readonly List<Update> updates = [];
    private readonly Dictionary<Parameter, Place> places = [];
    private readonly int projected;
    private double taken;

    /// <summary>Puts a trainee together; a parameter's state begins, at zero, with the first gradient that it gets.</summary>
    /// <param name="name">Its name in messages and files.</param>
    /// <param name="adapter">The adapter; null: the model's own weights.</param>
    /// <param name="groups">All parameters that train.</param>
    /// <param name="data">Its data.</param>
    /// <param name="optimizer">Its optimiser.</param>
    /// <param name="schedule">Its rates.</param>
    /// <param name="clip">The largest gradient norm that is left alone; null: none is clipped.</param>
    public Trainee(
        string name, Adapter? adapter, IReadOnlyList<ParameterGroup> groups, IBatchSource data, IOptimizer optimizer, Schedule schedule, double? clip)
    {
        ArgumentNullException.ThrowIfNull(groups);
        Name = name;
        Adapter = adapter;
        Groups = groups;
        Data = data;
        Optimizer = optimizer;
        Schedule = schedule;
        Clip = clip;
        States = new Dictionary<Parameter, OptimizerState>();
        projected = groups.Where(group => group.Projected).Sum(group => group.Parameters.Count);
        int number = 0;
        foreach (ParameterGroup group in groups)
        {
            foreach (Parameter parameter in group.Parameters)
            {
                States.Add(parameter, new OptimizerState());
                places.Add(parameter, new Place(group, group.Projected ? number++ : 0));
            }
        }
        if (States.Count == 0)
        {
            throw new ArgumentException($"{name} has no parameter that trains", nameof(groups));
        }
        foreach (int rank in States.Keys.Select(p => p.Value.Shape.Rank).Distinct())
        {
            // A state begins with its first step; whether the optimiser takes such tensors at all is known now.
            using OptimizerState probe = new();
            optimizer.Begin(probe, new Shape([.. Enumerable.Repeat(1, rank)]));
        }
    }

    /// <summary>The name in messages and files.</summary>
    public string Name { get; }

    /// <summary>The adapter; null: the model's own weights.</summary>
    public Adapter? Adapter { get; }

    /// <summary>The parameters that train.</summary>
    public IReadOnlyList<ParameterGroup> Groups { get; }

    /// <summary>The data.</summary>
    public IBatchSource Data { get; }

    /// <summary>The optimiser.</summary>
    public IOptimizer Optimizer { get; }

    /// <summary>The rates.</summary>
    public Schedule Schedule { get; }

    /// <summary>The largest gradient norm that is left alone, or null.</summary>
    public double? Clip { get; }

    /// <summary>What its loss is made of.</summary>
    public Objective Objective { get; init; } = new();

    /// <summary>The optimiser's state of each parameter.</summary>
    public Dictionary<Parameter, OptimizerState> States { get; }

    /// <summary>How parameters step that are not float32 in memory; the trainer's.</summary>
    internal StoredSteps? Stored { get; set; }

    /// <summary>The two groups of most runs: matrices decay, vectors (norms, biases) do not.</summary>
    /// <param name="parameters">The parameters; those that do not train are left out.</param>
    /// <param name="decay">Weight decay of matrices.</param>
    /// <param name="all">True: vectors decay too (as with PyTorch's optimisers without groups).</param>
    /// <param name="projected">What an optimiser of a subspace projects; null: nothing.</param>
    public static IReadOnlyList<ParameterGroup> Group(IEnumerable<Parameter> parameters, double decay, bool all, IReadOnlySet<Parameter>? projected = null)
    {
        List<Parameter> inside = [], decayed = [], plain = [];
        foreach (Parameter parameter in parameters)
        {
            if (parameter.Trainable)
            {
                (projected?.Contains(parameter) == true ? inside : all || parameter.Value.Shape.Rank > 1 ? decayed : plain).Add(parameter);
            }
        }
        List<ParameterGroup> groups = [];
        if (inside.Count > 0)
        {
            groups.Add(new ParameterGroup("projected", inside, decay, Projected: true));
        }
        if (decayed.Count > 0)
        {
            groups.Add(new ParameterGroup("decayed", decayed, decay));
        }
        if (plain.Count > 0)
        {
            groups.Add(new ParameterGroup("plain", plain, 0));
        }
        return groups;
    }

    /// <summary>The gradients that arrived, clipped, and what each parameter does with its own.</summary>
    /// <returns>The norm before clipping.</returns>
    internal float Apply(int step)
    {
        gradients.Clear();
        updates.Clear();
        foreach (ParameterGroup group in Groups)
        {
            for (int i = 0; i < group.Parameters.Count; i++)
            {
                Parameter parameter = group.Parameters[i];
                if (parameter.HasGradient)
                {
                    gradients.Add(parameter.Gradient);
                }
            }
        }
        Span<Tensor> all = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(gradients);
        float norm = GradientClip.Norm(all);
        if (taken != 0)
        {
            norm = MathF.Sqrt((float)(taken + ((double)norm * norm)));
            taken = 0;
        }
        if (!float.IsFinite(norm))
        {
            return norm;
        }
        if (Clip is { } clip)
        {
            GradientClip.Apply(all, clip, norm);
        }
        // States begin only now, so that a step that is refused leaves none.
        foreach (ParameterGroup group in Groups)
        {
            for (int i = 0; i < group.Parameters.Count; i++)
            {
                if (group.Parameters[i].HasGradient)
                {
                    updates.Add(UpdateOf(group.Parameters[i], step));
                }
            }
        }
        Stored!.Run(Optimizer, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(updates), step);
        return norm;
    }

    /// <summary>Steps one parameter by its gradient, which is complete, ahead of <see cref="Apply"/>; after a gradient that is not finite none steps any more.</summary>
    /// <returns>False: the parameter is not this trainee's.</returns>
    internal bool Take(int step, Parameter parameter)
    {
        if (!places.ContainsKey(parameter))
        {
            return false;
        }
        taken += Kernels.Reduce.SumOfSquaresDouble(parameter.Gradient.Span);
        if (float.IsFinite((float)taken))
        {
            Stored!.Run(Optimizer, [UpdateOf(parameter, step)], step);
        }
        return true;
    }

    /// <summary>Frees a parameter's state: it begins anew with the next gradient.</summary>
    internal void Forget(Parameter parameter)
    {
        if (States.TryGetValue(parameter, out OptimizerState? state))
        {
            state.Dispose();
            States[parameter] = new OptimizerState();
        }
    }

    private Update UpdateOf(Parameter parameter, int step)
    {
        Place place = places[parameter];
        OptimizerState state = States[parameter];
        if (!state.Begun)
        {
            Optimizer.Begin(state, parameter.Value.Shape);
            state.Begun = true;
        }
        return new Update(parameter, parameter.Gradient, state, Schedule.Rate(step) * place.Group.RateFactor, place.Group.Decay)
        {
            Projected = place.Group.Projected,
            Number = place.Number,
            Count = place.Group.Projected ? projected : 0,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (OptimizerState state in States.Values)
        {
            state.Dispose();
        }
    }

    /// <summary>A parameter's group, and its number among those that are projected.</summary>
    private readonly record struct Place(ParameterGroup Group, int Number);
}
