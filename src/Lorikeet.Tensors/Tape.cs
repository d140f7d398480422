using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>The record of one pass: operations in the order they ran, walked backwards for gradients.</summary>
/// <remarks>
/// Each node has one output, so a node's number is its value's number; numbers are not used again by the next pass, so that a value kept from
/// an earlier one is noticed. Parameters enter as leaf nodes, one for each use: when backward passes the earliest leaf of a parameter, its
/// gradient is complete and <see cref="GradientReady"/> is raised. After each node the arena is released to where it stood before that node ran.
/// </remarks>
public sealed partial class Tape : IDisposable
{
    private const int MostNumbers = 1 << 30;

    // The first count entries are the record; those behind them wait to be used again.
    private readonly List<Entry> entries = [];
    private readonly BufferPool pool = new();
    private readonly Dictionary<Weight, GradientWatch> watches = [];
    private readonly GradientMeter meter = new();
    private int count;
    private int highest;
    private int passed;
    private ArenaMark start;

    /// <summary>Raised when a parameter's gradient is complete, while the rest of backward still runs: once a pass for each parameter that has one.</summary>
    /// <remarks>The handler may use the gradient at once and free it (<see cref="Parameter.FreeGradient"/>).</remarks>
    public Action<Parameter>? GradientReady { get; set; }

    /// <summary>Number of recorded operations and uses of parameters.</summary>
    public int Count => count;

    /// <summary>Bytes held for gradients of values in flight.</summary>
    public long GradientBytes => pool.HeldBytes;

    /// <summary>The most bytes that gradients of parameters took at once.</summary>
    public long PeakParameterGradientBytes => meter.PeakBytes;

    /// <summary>The most bytes that a record kept for its way back: values that backward reads, each counted once.</summary>
    public long PeakSavedBytes { get; private set; }

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

    /// <summary>Begins a new record; the arena's present top is what backward releases it to.</summary>
    /// <param name="run">The run.</param>
    public void Begin(Run run)
    {
        ArgumentNullException.ThrowIfNull(run);
        Clear();
        start = run.Arena.Mark;
    }

    /// <summary>Records an operation.</summary>
    /// <param name="run">The run that recorded it.</param>
    /// <param name="output">Its output.</param>
    /// <param name="node">What its backward needs.</param>
    /// <param name="saved">The values that its backward reads: no op may change them in place before (see <see cref="Overwrite"/>).</param>
    /// <returns>The output with its place on the tape.</returns>
    public Tensor Record(Run run, in Tensor output, Node node, params ReadOnlySpan<Tensor> saved)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (Dry)
        {
            dryRecords++;
            return output.Detached;
        }
        foreach (ref readonly Tensor tensor in saved)
        {
            Keep(tensor);
        }
        Push(output.Shape, run.Arena.Mark).Node = node;
        return output.At(passed + count);
    }

    /// <summary>Enters a parameter as a leaf.</summary>
    internal Tensor Track(Parameter parameter)
    {
        parameter.Meter = meter;
        if (held is not null)
        {
            parameter.Pending++;
            held.Add(parameter);
        }
        if (Dry)
        {
            // The hold stands for this use until the recomputed one is done.
            return parameter.Value;
        }
        parameter.Pending++;
        Push(parameter.Value.Shape, default).Leaf = parameter;
        return parameter.Value.At(passed + count);
    }

    /// <summary>Walks the record backwards from <paramref name="output"/> and empties it.</summary>
    /// <remarks>Read the loss before: backward releases the arena to where it stood at <see cref="Begin"/>, the loss included.</remarks>
    /// <param name="run">The run that was recorded.</param>
    /// <param name="output">A recorded value, most often the loss [1].</param>
    /// <param name="seed">d loss / d output; default: ones.</param>
    /// <exception cref="InvalidOperationException">The value was not recorded: no parameter that trains is above it.</exception>
    public void Backward(Run run, in Tensor output, in Tensor seed = default)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (!output.Recorded)
        {
            throw new InvalidOperationException(
                $"backward: the value {output.Shape} was not recorded; nothing that trains leads to it, or the run had no tape");
        }
        PeakSavedBytes = Math.Max(PeakSavedBytes, SavedBytes());
        Seed(output, seed);
        Walk(run, 0, start);
        EndPass();
        start = run.Arena.Mark;
    }

    /// <summary>Forgets the record without walking it.</summary>
    public void Clear()
    {
        while (count > 0)
        {
            Entry entry = entries[count - 1];
            if (entry.Leaf is not null)
            {
                entry.Leaf.Pending--;
            }
            Forget(entry.Holds);
            pool.Return(entry.Gradient);
            ReturnProducts(entry);
            Pop();
        }
        EndPass();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Clear();
        pool.Dispose();
    }

    internal Tensor GradientOf(in Tensor input, out bool accumulate)
    {
        Entry entry = Of(input);
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
        Entry entry = Of(input);
        if (entry.Leaf is null && !entry.Gradient.Tensor.Exists)
        {
            entry.Gradient = gradient with { Tensor = gradient.Tensor.View(entry.Shape) };
            gradient = default;
            return;
        }
        AddTo(input, gradient.Tensor);
    }

    internal void AddTo(in Tensor input, in Tensor share)
    {
        Tensor to = GradientOf(input, out bool accumulate);
        if (accumulate)
        {
            Elementwise.Add(to.Span, share.Span, to.Span);
        }
        else
        {
            share.Span.CopyTo(to.Span);
        }
    }

    private void Seed(in Tensor output, in Tensor seed)
    {
        if (seed.Exists)
        {
            if (seed.Shape.Length != output.Shape.Length)
            {
                throw new ArgumentException($"backward: the seed is {seed.Shape}, the output {output.Shape}", nameof(seed));
            }
            AddTo(output, seed);
            return;
        }
        Tensor gradient = GradientOf(output, out bool accumulate);
        if (accumulate)
        {
            throw new InvalidOperationException($"backward: the output {output.Shape} already has a gradient: pass a seed");
        }
        gradient.Span.Fill(1f);
    }

    /// <summary>Processes the entries from the last down to number <paramref name="to"/> and removes them.</summary>
    private void Walk(Run run, int to, ArenaMark floor)
    {
        while (count > to)
        {
            int last = count - 1;
            Entry entry = entries[last];
            if (entry.Leaf is not null)
            {
                Complete(entry.Leaf);
            }
            else if (entry.HasGradient)
            {
                AddProducts(run, entry);
                Backprop gradient = new(this, entry.Gradient);
                // From here on the buffer is the node's to give away.
                entry.Gradient = default;
                entry.Node!.Backward(run, ref gradient);
                pool.Return(gradient.Rest);
            }
            if (entry.Holds is not null)
            {
                foreach (Parameter parameter in entry.Holds)
                {
                    Complete(parameter);
                }
            }
            Pop();
            // A leaf takes no memory, and may have been entered while its op held scratch: the node before it says where to release to.
            if (count == to)
            {
                run.Arena.Release(floor);
            }
            else if (entries[count - 1].Leaf is null)
            {
                run.Arena.Release(entries[count - 1].End);
            }
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

    private Entry Of(in Tensor value)
    {
        int index = value.Node - 1 - passed;
        return (uint)index < (uint)count
            ? entries[index]
            : throw new InvalidOperationException(
                $"the value {value.Shape} was recorded in a pass that is over: compute it again, or pass it on as Detached");
    }

    private Entry Push(Shape shape, ArenaMark end)
    {
        if (count == entries.Count)
        {
            entries.Add(new Entry());
        }
        Entry entry = entries[count];
        entry.Shape = shape;
        entry.End = end;
        count++;
        highest = Math.Max(highest, count);
        return entry;
    }

    private void Pop()
    {
        count--;
        entries[count].Clear();
        while (kept.Count > 0 && kept[^1].Entry >= count)
        {
            kept.RemoveAt(kept.Count - 1);
        }
    }

    private void EndPass()
    {
        passed = passed > MostNumbers ? 0 : passed + highest;
        highest = 0;
    }

    private sealed class Entry
    {
        public Node? Node;
        public Parameter? Leaf;
        public List<Parameter>? Holds;
        public Shape Shape;
        public PooledTensor Gradient;
        public ArenaMark End;

        // Shares dy W of the gradient that are still to be added.
        public readonly List<(Weight Weight, PooledTensor Dy)> Products = [];

        public bool HasGradient => Gradient.Tensor.Exists || Products.Count > 0;

        public void Clear()
        {
            Node = null;
            Leaf = null;
            Holds = null;
            Gradient = default;
        }
    }
}
