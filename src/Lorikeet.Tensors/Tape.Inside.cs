namespace Lorikeet.Tensors;

/// <content>Forwards inside a node: run without a record, or recorded and walked at once.</content>
public sealed partial class Tape
{
    private List<Parameter>? held;
    private int dryRecords;

    /// <summary>Recomputing instead of keeping: forwards count uses but record nothing (see <see cref="Checkpoint"/>).</summary>
    internal bool Dry { get; private set; }

    /// <summary>The batch's row that the first row of what runs now is: the chunk's first row inside <see cref="HeadLoss"/>, else 0.</summary>
    internal int FirstRow { get; set; }

    /// <summary>Runs a forward that records nothing but holds the parameters it uses, so that none is reported complete early.</summary>
    /// <param name="forward">The forward.</param>
    /// <param name="input">Its input.</param>
    /// <param name="holds">Receives the parameters; hand them to <see cref="Hold"/>.</param>
    /// <param name="trains">True where the forward would have recorded something.</param>
    internal Tensor RunDry(Func<Tensor, Tensor> forward, in Tensor input, List<Parameter> holds, out bool trains)
    {
        List<Parameter>? outer = held;
        bool outerDry = Dry;
        int before = dryRecords;
        held = holds;
        Dry = true;
        bool done = false;
        try
        {
            Tensor result = forward(input);
            done = true;
            trains = holds.Count > 0 || dryRecords > before;
            return result;
        }
        finally
        {
            held = outer;
            Dry = outerDry;
            if (!done)
            {
                Forget(holds);
            }
            else if (outer is not null)
            {
                // What encloses this forward holds the same parameters for longer.
                foreach (Parameter parameter in holds)
                {
                    parameter.Pending++;
                    outer.Add(parameter);
                }
            }
        }
    }

    /// <summary>Records a forward from one input, walks it backwards at once and removes it: the inside of another node.</summary>
    /// <param name="run">The run.</param>
    /// <param name="input">The input, as a plain value.</param>
    /// <param name="forward">Computes the output from the recorded input.</param>
    /// <param name="seed">Makes d loss / d output, given the output.</param>
    /// <param name="toInput">Receives d loss / d input; null: it is not wanted.</param>
    /// <param name="holds">Parameters used are held here, for <see cref="Hold"/>; null: they are not held.</param>
    /// <returns>True where something that trains led to the output.</returns>
    internal bool Inside(Run run, in Tensor input, Func<Tensor, Tensor> forward, Func<Tensor, Tensor> seed, Action<Tensor>? toInput, List<Parameter>? holds)
    {
        List<Parameter>? outer = held;
        bool outerDry = Dry;
        ArenaMark floor = run.Arena.Mark;
        held = holds;
        Dry = false;
        int from = count;
        bool done = false;
        try
        {
            Tensor leaf = toInput is null ? input.Detached : Record(run, input, InputNode.Instance);
            Tensor output = forward(leaf);
            Tensor gradient = seed(output);
            held = null;
            if (output.Recorded)
            {
                Seed(output, gradient);
            }
            Walk(run, toInput is null ? from : from + 1, floor);
            if (toInput is not null)
            {
                AddProducts(run, entries[from]);
                PooledTensor share = entries[from].Gradient;
                if (share.Tensor.Exists)
                {
                    toInput(share.Tensor);
                    pool.Return(share);
                }
                Pop();
            }
            run.Arena.Release(floor);
            done = true;
            return output.Recorded;
        }
        finally
        {
            held = outer;
            Dry = outerDry;
            if (!done)
            {
                Forget(holds);
            }
        }
    }

    /// <summary>Lets the last recorded node hold parameters: they are complete only when backward has passed that node.</summary>
    internal void Hold(List<Parameter> holds) => entries[count - 1].Holds = holds;

    /// <summary>Undoes the holds of a node that never came to be.</summary>
    private static void Forget(List<Parameter>? holds)
    {
        if (holds is null)
        {
            return;
        }
        foreach (Parameter parameter in holds)
        {
            parameter.Pending--;
        }
        holds.Clear();
    }

    private sealed class InputNode : Node
    {
        public static readonly InputNode Instance = new();

        public override void Backward(Run run, ref Backprop gradient) =>
            throw new InvalidOperationException("the enclosing node takes this gradient itself");
    }
}
