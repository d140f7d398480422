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

    /// <summary>Puts a trainee together; the parameters' states begin at zero.</summary>
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
        foreach (ParameterGroup group in groups)
        {
            foreach (Parameter parameter in group.Parameters)
            {
                States.Add(parameter, optimizer.Begin(parameter));
            }
        }
        if (States.Count == 0)
        {
            throw new ArgumentException($"{name} has no parameter that trains", nameof(groups));
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
        double rate = Schedule.Rate(step);
        foreach (ParameterGroup group in Groups)
        {
            for (int i = 0; i < group.Parameters.Count; i++)
            {
                Parameter parameter = group.Parameters[i];
                if (parameter.HasGradient)
                {
                    gradients.Add(parameter.Gradient);
                    updates.Add(new Update(parameter, parameter.Gradient, States[parameter], rate * group.RateFactor, group.Decay)
                    {
                        Projected = group.Projected,
                    });
                }
            }
        }
        Span<Tensor> all = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(gradients);
        float norm = GradientClip.Norm(all);
        if (!float.IsFinite(norm))
        {
            return norm;
        }
        if (Clip is { } clip)
        {
            GradientClip.Apply(all, clip, norm);
        }
        Stored!.Run(Optimizer, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(updates), step);
        return norm;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (OptimizerState state in States.Values)
        {
            state.Dispose();
        }
    }
}
