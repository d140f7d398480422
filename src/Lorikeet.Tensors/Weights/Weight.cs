using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>An input in the form in which weights of one kind read it; made once for all weights of a projection.</summary>
/// <param name="X">The input itself, [rows, inputs].</param>
/// <param name="Codes">What <see cref="Weight.Prepare"/> made of it (8-bit codes, tables), or nothing.</param>
public readonly record struct Prepared(Tensor X, Tensor Codes = default);

/// <summary>How one matrix is stored and multiplied. Rows are outputs: y = W x.</summary>
public abstract class Weight : IDisposable
{
    /// <summary>Rows of the matrix: the width of y.</summary>
    public abstract int Outputs { get; }

    /// <summary>Columns of the matrix: the width of x.</summary>
    public abstract int Inputs { get; }

    /// <summary>Bytes of memory that the matrix takes.</summary>
    public abstract long Bytes { get; }

    /// <summary>Numbers that the matrix is made of.</summary>
    public virtual long Count => (long)Outputs * Inputs;

    /// <summary>The storage format in a word: <c>f32</c>, <c>bf16</c>.</summary>
    public abstract string Format { get; }

    /// <summary>The GGUF format whose blocks it holds, see <see cref="ReadBlocks"/>; null: it holds none.</summary>
    public virtual BlockFormat? Blocks => null;

    /// <summary>What of it can be trained; empty for a frozen weight.</summary>
    public virtual IReadOnlyList<Parameter> Parameters => [];

    /// <summary>Which preparation of the input this kind reads; weights of equal preparation share one <see cref="Prepared"/>.</summary>
    public virtual string Preparation => "";

    /// <summary>True where products of this run read their input as 8-bit codes: who makes the input may code it at once (<see cref="Run.KeepCodes"/>).</summary>
    /// <param name="run">The run.</param>
    public virtual bool ReadsCodes(Run run) => false;

    /// <summary>Brings the input into the form this kind reads.</summary>
    /// <param name="run">The run; its arena holds the codes.</param>
    /// <param name="x">[rows, inputs].</param>
    public virtual Prepared Prepare(Run run, in Tensor x) => new(x);

    /// <summary>y = x W^T: y[i, o] = sum over k of W[o, k] x[i, k].</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, inputs], prepared.</param>
    /// <param name="y">[rows, outputs], overwritten.</param>
    public abstract void Multiply(Run run, in Prepared x, in Tensor y);

    /// <summary>The products of one input with several weights of this kind as one job of the team; the bits are those of <see cref="Multiply"/>.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, inputs], prepared.</param>
    /// <param name="weights">The weights, this one first.</param>
    /// <param name="y">One tensor a weight, [rows, outputs], overwritten.</param>
    /// <param name="around">FLoRA's factors around each product, or nothing: y = Reduce(Expand(x) W^T), see <see cref="Hadamard"/>.</param>
    /// <param name="after">What is done to each product's results at once, or nothing.</param>
    /// <returns>False: this kind cannot, or not with these weights, rows or factors; nothing was done.</returns>
    public virtual bool MultiplyTogether(
        Run run, in Prepared x, ReadOnlySpan<Weight> weights, ReadOnlySpan<Tensor> y, ReadOnlySpan<HadamardSegments> around = default, ReadOnlySpan<Epilogue> after = default) => false;

    /// <summary>dx = dy W: the gradient of the input.</summary>
    /// <param name="run">The run.</param>
    /// <param name="dy">[rows, outputs].</param>
    /// <param name="dx">[rows, inputs].</param>
    /// <param name="accumulate">True: add to dx.</param>
    public abstract void MultiplyTransposed(Run run, in Tensor dy, in Tensor dx, bool accumulate);

    /// <summary>dx += the sum of dy[i] W[i] over several weights of one input, as one job of the team; the bits are those of <see cref="MultiplyTransposed"/> one after the other.</summary>
    /// <param name="run">The run.</param>
    /// <param name="weights">The weights, this one first.</param>
    /// <param name="dy">One gradient a weight, [rows, outputs].</param>
    /// <param name="dx">[rows, inputs].</param>
    /// <param name="accumulate">True: add to dx; false: overwrite it.</param>
    /// <returns>False: this kind cannot, or not with these weights; nothing was done.</returns>
    public virtual bool MultiplyTransposedTogether(Run run, ReadOnlySpan<Weight> weights, ReadOnlySpan<Tensor> dy, in Tensor dx, bool accumulate) => false;

    /// <summary>One row of the matrix as float32, for norms, SVD, merging, export and embedding look-up.</summary>
    /// <param name="row">0 to outputs - 1.</param>
    /// <param name="to">Receives [inputs].</param>
    public abstract void Read(int row, Span<float> to);

    /// <summary>One row in the bytes of a GGUF file, exactly as it was loaded or quantised.</summary>
    /// <param name="row">0 to outputs - 1.</param>
    /// <param name="to">Receives the blocks of the row.</param>
    /// <exception cref="InvalidOperationException"><see cref="Blocks"/> is null.</exception>
    public virtual void ReadBlocks(int row, Span<byte> to) =>
        throw new InvalidOperationException($"a {Format} weight [{Outputs}, {Inputs}] is not kept in blocks: read its rows as float32 and quantise them");

    /// <summary>Adds dL/dW = dy^T x to the gradients of <see cref="Parameters"/>.</summary>
    /// <param name="run">The run.</param>
    /// <param name="dy">[rows, outputs].</param>
    /// <param name="x">[rows, inputs].</param>
    /// <exception cref="InvalidOperationException">The weight is frozen.</exception>
    public virtual void AddGradient(Run run, in Tensor dy, in Tensor x) =>
        throw new InvalidOperationException($"a {Format} weight [{Outputs}, {Inputs}] is frozen: it has no gradient");

    /// <summary>Adds rows of dy to the gradient of the rows that an embedding look-up read.</summary>
    /// <param name="run">The run.</param>
    /// <param name="rows">The rows that were read, one for each row of dy.</param>
    /// <param name="dy">[rows, inputs].</param>
    /// <exception cref="InvalidOperationException">The weight is frozen.</exception>
    public virtual void AddRowGradients(Run run, ReadOnlySpan<int> rows, in Tensor dy) =>
        throw new InvalidOperationException($"a {Format} weight [{Outputs}, {Inputs}] is frozen: it has no gradient");

    /// <summary>The whole matrix as float32, [outputs, inputs], row-major.</summary>
    public virtual float[] ToArray()
    {
        float[] all = new float[checked(Outputs * Inputs)];
        for (int row = 0; row < Outputs; row++)
        {
            Read(row, all.AsSpan(row * Inputs, Inputs));
        }
        return all;
    }

    /// <summary>The matrix in the form that trains: a copy, or this where it trains already.</summary>
    /// <param name="name">The matrix's name in files, which its parameters take.</param>
    /// <param name="halves">Keep a full matrix in bfloat16 in place of float32.</param>
    public virtual Weight ToTrainable(string name, bool halves = false) => halves ? HalfTrainableWeight.Copy(name, this) : TrainableWeight.Copy(name, this);

    /// <summary>The matrix in its frozen form: a packed copy, or this where it is frozen already.</summary>
    /// <param name="type">The format of what was trained.</param>
    public virtual Weight ToFrozen(ElementType type) => this;

    /// <summary>True where a recorded run must compute dL/dW.</summary>
    public bool Trains
    {
        get
        {
            // By index: an enumerator would be an allocation.
            IReadOnlyList<Parameter> parameters = Parameters;
            for (int i = 0; i < parameters.Count; i++)
            {
                if (parameters[i].Trainable)
                {
                    return true;
                }
            }
            return false;
        }
    }

    /// <summary>Enters what trains of it on the tape, as every op that multiplies with it does once for each use.</summary>
    /// <param name="run">The run.</param>
    internal void Use(Run run)
    {
        IReadOnlyList<Parameter> parameters = Parameters;
        for (int i = 0; i < parameters.Count; i++)
        {
            run.Use(parameters[i]);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory.</summary>
    /// <param name="disposing">Always true: there is no finaliser.</param>
    protected abstract void Dispose(bool disposing);
}
