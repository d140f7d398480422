using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>The record of one pass: operations in the order they ran, walked backwards for gradients.</summary>
/// <remarks>
/// Each node has one output, so a node's number is its value's number. Parameters enter as leaf nodes, one for each use: when backward passes
/// the earliest leaf of a parameter, its gradient is complete and <see cref="GradientReady"/> is raised. After each node the arena is released
/// to where it stood before that node ran.
/// </remarks>
public sealed class Tape : IDisposable
{
    private readonly List<Entry> entries = [];
    private readonly BufferPool pool = new();
    private readonly Dictionary<Weight, GradientWatch> watches = [];
    private List<Parameter>? held;

    /// <summary>Raised when a parameter's gradient is complete, while the rest of backward still runs.</summary>
    /// <remarks>The handler may use the gradient at once and free it (<see cref="Parameter.FreeGradient"/>).</remarks>
    public Action<Parameter>? GradientReady { get; set; }

    /// <summary>Number of recorded operations.</summary>
    public int Count => entries.Count;

    /// <summary>Bytes held for gradients of values in flight.</summary>
    public long GradientBytes => pool.HeldBytes;

    /// <summary>Recomputing instead of keeping: forwards count uses but record nothing (see <see cref="Checkpoint"/>).</summary>
    internal bool Dry { get; private set; }

    /// <summary>Asks for the gradient of a frozen weight; see <see cref="GradientWatch"/>.</summary>
    /// <param name="watch">The watch; it stays until <see cref="Unwatch"/>.</param>
    public void Watch(GradientWatch watch)
    {
        ArgumentNullException.ThrowIfNull(watch);
        watches[watch.Weight] = watch;
    }

    /// <summary>Ends a watch.</summary>
    /// <param name="watch">The watch.</param>
    public void Unwatch(GradientWatch watch)
    {
        ArgumentNullException.ThrowIfNull(watch);
        watches.Remove(watch.Weight);
    }

    internal GradientWatch? WatchOf(Weight weight) => watches.Count == 0 ? null : watches.GetValueOrDefault(weight);

    /// <summary>Records an operation.</summary>
    /// <param name="run">The run that recorded it.</param>
    /// <param name="output">Its output.</param>
    /// <param name="node">What its backward needs.</param>
    /// <returns>The output with its place on the tape.</returns>
    public Tensor Record(Run run, in Tensor output, Node node)
    {
        if (Dry)
        {
            return output.Detached;
        }
        entries.Add(new Entry { Node = node, Shape = output.Shape, End = run.Arena.Mark });
        return output.At(entries.Count);
    }

    /// <summary>Enters a parameter as a leaf.</summary>
    internal Tensor Track(Parameter parameter)
    {
        parameter.Pending++;
        if (held is not null)
        {
            parameter.Pending++;
            held.Add(parameter);
        }
        if (Dry)
        {
            // The hold above stands for this use until the recomputed one is done.
            parameter.Pending--;
            return parameter.Value;
        }
        entries.Add(new Entry { Leaf = parameter, Shape = parameter.Value.Shape, End = entries.Count > 0 ? entries[^1].End : start });
        return parameter.Value.At(entries.Count);
    }

    private ArenaMark start;

    /// <summary>Begins a new record; the arena's present top is what backward releases it to.</summary>
    /// <param name="run">The run.</param>
    public void Begin(Run run)
    {
        ArgumentNullException.ThrowIfNull(run);
        Clear();
        start = run.Arena.Mark;
    }

    /// <summary>Walks the record backwards from <paramref name="output"/> and empties it.</summary>
    /// <param name="run">The run that was recorded.</param>
    /// <param name="output">A recorded value, most often the loss [1].</param>
    /// <param name="seed">d loss / d output; default: ones.</param>
    /// <exception cref="InvalidOperationException">The value was not recorded: no parameter that trains is above it.</exception>
    public void Backward(Run run, in Tensor output, in Tensor seed = default)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (!output.Recorded)
        {
            throw new InvalidOperationException($"backward: the value {output.Shape} was not recorded; nothing that trains leads to it");
        }
        Seed(output, seed);
        Walk(run, entries.Count, 0, start);
        start = run.Arena.Mark;
    }

    private void Seed(in Tensor output, in Tensor seed)
    {
        Tensor gradient = GradientOf(output, out bool accumulate);
        if (accumulate)
        {
            throw new InvalidOperationException("backward: the output already has a gradient");
        }
        if (seed.Exists)
        {
            if (seed.Shape.Length != gradient.Shape.Length)
            {
                throw new ArgumentException($"backward: the seed is {seed.Shape}, the output {output.Shape}", nameof(seed));
            }
            seed.Span.CopyTo(gradient.Span);
        }
        else
        {
            gradient.Span.Fill(1f);
        }
    }

    /// <summary>Processes entries [to, from) in reverse and removes them.</summary>
    private void Walk(Run run, int from, int to, ArenaMark floor)
    {
        for (int i = from - 1; i >= to; i--)
        {
            Entry entry = entries[i];
            if (entry.Leaf is not null)
            {
                Complete(entry.Leaf);
            }
            else if (entry.Node is not null && entry.Gradient.Tensor.Exists)
            {
                Backprop gradient = new(this, entry.Gradient);
                entry.Node.Backward(run, ref gradient);
                pool.Return(gradient.Rest);
            }
            run.Arena.Release(i > to ? entries[i - 1].End : floor);
            entries.RemoveAt(i);
        }
    }

    private void Complete(Parameter parameter)
    {
        parameter.Pending--;
        if (parameter.Pending == 0 && parameter.HasGradient)
        {
            GradientReady?.Invoke(parameter);
        }
    }

    internal Tensor GradientOf(in Tensor input, out bool accumulate)
    {
        Entry entry = entries[input.Node - 1];
        if (entry.Leaf is not null)
        {
            return entry.Leaf.GradientToWrite(out accumulate);
        }
        accumulate = entry.Gradient.Tensor.Exists;
        if (!accumulate)
        {
            entry.Gradient = pool.Rent(entry.Shape);
        }
        return entry.Gradient.Tensor;
    }

    internal void Give(in Tensor input, ref PooledTensor gradient)
    {
        Entry entry = entries[input.Node - 1];
        if (entry.Leaf is null && !entry.Gradient.Tensor.Exists)
        {
            entry.Gradient = gradient with { Tensor = gradient.Tensor.View(entry.Shape) };
            gradient = default;
            return;
        }
        Tensor to = GradientOf(input, out bool accumulate);
        if (accumulate)
        {
            Elementwise.Add(to.Span, gradient.Tensor.Span, to.Span);
        }
        else
        {
            gradient.Tensor.Span.CopyTo(to.Span);
        }
    }

    /// <summary>Runs a forward that records nothing but holds the parameters it uses, so that none is reported complete early.</summary>
    internal Tensor RunDry(Func<Tensor> forward, List<Parameter> holds)
    {
        List<Parameter>? outer = held;
        bool outerDry = Dry;
        held = holds;
        Dry = true;
        try
        {
            return forward();
        }
        finally
        {
            held = outer;
            Dry = outerDry;
        }
    }

    /// <summary>Records a forward from one input, walks it backwards at once and removes it: the inside of another node.</summary>
    /// <param name="run">The run.</param>
    /// <param name="input">The input, as a plain value.</param>
    /// <param name="forward">Computes the output from the recorded input.</param>
    /// <param name="seed">Fills d loss / d output, given the output.</param>
    /// <param name="toInput">Receives d loss / d input.</param>
    /// <param name="holds">Parameters used are held here until <see cref="Release"/>; null: they are not held.</param>
    internal void Inside(Run run, in Tensor input, Func<Tensor, Tensor> forward, Func<Tensor, Tensor> seed, Action<Tensor>? toInput, List<Parameter>? holds)
    {
        List<Parameter>? outer = held;
        bool outerDry = Dry;
        ArenaMark floor = run.Arena.Mark;
        held = holds ?? outer;
        Dry = false;
        int from = entries.Count;
        try
        {
            Tensor leaf = toInput is null ? input.Detached : Record(run, input, InputNode.Instance);
            int inputEntry = entries.Count - 1;
            Tensor output = forward(leaf);
            Tensor gradient = seed(output);
            held = outer;
            if (output.Recorded)
            {
                Seed(output, gradient);
                int keep = toInput is null ? from : inputEntry + 1;
                Walk(run, entries.Count, keep, entries.Count > keep && keep > from ? entries[keep - 1].End : floor);
            }
            if (toInput is not null)
            {
                Entry entry = entries[inputEntry];
                if (entry.Gradient.Tensor.Exists)
                {
                    toInput(entry.Gradient.Tensor);
                    pool.Return(entry.Gradient);
                }
            }
            entries.RemoveRange(from, entries.Count - from);
            run.Arena.Release(floor);
        }
        finally
        {
            held = outer;
            Dry = outerDry;
        }
    }

    internal void Release(List<Parameter> holds)
    {
        foreach (Parameter parameter in holds)
        {
            Complete(parameter);
        }
    }

    /// <summary>Forgets the record without walking it.</summary>
    public void Clear()
    {
        foreach (Entry entry in entries)
        {
            if (entry.Leaf is not null)
            {
                entry.Leaf.Pending = 0;
            }
            pool.Return(entry.Gradient);
        }
        entries.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Clear();
        pool.Dispose();
    }

    private sealed class InputNode : Node
    {
        public static readonly InputNode Instance = new();

        public override void Backward(Run run, ref Backprop gradient)
        {
            // The enclosing node takes the gradient itself.
        }
    }

    private sealed class Entry
    {
        public Node? Node;
        public Parameter? Leaf;
        public Shape Shape;
        public PooledTensor Gradient;
        public ArenaMark End;
    }
}
