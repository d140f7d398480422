using System.Buffers;
using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>A matrix that is never formed: W = s B A, plus sparse entries where there are any; frozen, or with all its parts trained.</summary>
/// <remarks>
/// y = s B (A x) + S x. Gradients without dW: dB = s dy^T (x A^T); dA = s (dy B)^T x; dS = dy^T x at the entries alone; dx = s (dy B) A + dy S. Of the
/// forward pass nothing but x is kept. A scale that is learned is s = tanh(scaling), one number. Source: Han et al., SLTrain, arXiv 2406.02214.
/// </remarks>
public sealed class FactoredWeight : Weight
{
    private readonly float scale;

    /// <summary>Puts the parts together; the weight owns them from now on.</summary>
    /// <param name="a">A, [rank, inputs].</param>
    /// <param name="b">B, [outputs, rank].</param>
    /// <param name="scale">s; without effect where it is learned.</param>
    /// <param name="sparse">S, or null.</param>
    /// <param name="scaling">The learned scale before tanh, [1], or null.</param>
    /// <exception cref="ArgumentException">The factors do not fit each other.</exception>
    public FactoredWeight(Weight a, Weight b, float scale, SparseEntries? sparse = null, Parameter? scaling = null)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.Outputs != b.Inputs)
        {
            throw new ArgumentException($"W = B A: A is [{a.Outputs}, {a.Inputs}], B [{b.Outputs}, {b.Inputs}]; expected one rank");
        }
        A = a;
        B = b;
        this.scale = scale;
        Sparse = sparse;
        Scaling = scaling;
        Parameters = [.. a.Parameters, .. b.Parameters, .. new[] { sparse?.Values, scaling }.OfType<Parameter>()];
    }

    /// <summary>A, [rank, inputs].</summary>
    public Weight A { get; }

    /// <summary>B, [outputs, rank].</summary>
    public Weight B { get; }

    /// <summary>S, or null.</summary>
    public SparseEntries? Sparse { get; }

    /// <summary>The learned scale before tanh, [1], or null.</summary>
    public Parameter? Scaling { get; }

    /// <summary>The rank of B A.</summary>
    public int Rank => A.Outputs;

    /// <summary>s.</summary>
    public float Scale => Scaling is null ? scale : MathF.Tanh(Scaling.Value.Span[0]);

    /// <inheritdoc/>
    public override int Outputs => B.Outputs;

    /// <inheritdoc/>
    public override int Inputs => A.Inputs;

    /// <inheritdoc/>
    public override long Bytes => A.Bytes + B.Bytes + (Sparse?.Bytes ?? 0) + (Scaling is null ? 0 : sizeof(float));

    /// <inheritdoc/>
    public override long Count => A.Count + B.Count + (Sparse?.Count ?? 0) + (Scaling is null ? 0 : 1);

    /// <inheritdoc/>
    public override string Format => $"{A.Format} r={Rank}{(Sparse is null ? "" : $" + {Sparse.Count} sparse")}";

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>A trained matrix with random starts: A and the entries U(±1/sqrt(inputs)), B zero, so that W starts as its sparse part alone.</summary>
    /// <param name="name">What the parameters' names begin with: the module's path and a dot.</param>
    /// <param name="random">The seed; each part takes the stream of its name.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns of the matrix.</param>
    /// <param name="rank">The rank of B A.</param>
    /// <param name="scale">s, alpha / rank; null: learned, from tanh(1).</param>
    /// <param name="density">The share of entries: floor(density x outputs x inputs) of them.</param>
    public static FactoredWeight SparseStart(string name, CounterRandom random, int outputs, int inputs, int rank, float? scale, double density)
    {
        float bound = 1f / MathF.Sqrt(inputs);
        Parameter a = new(name + "lora_A", Storage.Zeros(new Shape(rank, inputs))), b = new(name + "lora_B", Storage.Zeros(new Shape(outputs, rank)));
        random.Named(a.Name).FillUniform(a.Value.Span, -bound, bound);
        int all = checked(outputs * inputs), count = (int)(density * all);
        Parameter values = new(name + "sparse_value", Storage.Zeros(new Shape(count)));
        random.Named(values.Name).FillUniform(values.Value.Span, -bound, bound);
        SparseEntries sparse = new(SparseEntries.Sample(random.Named(name + "sparse_index"), count, all), values, outputs, inputs);
        Parameter? scaling = scale is null ? new Parameter(name + "scaling", Storage.Zeros(new Shape(1))) : null;
        scaling?.Value.Span.Fill(1f);
        return new FactoredWeight(new TrainableWeight(a), new TrainableWeight(b), scale ?? 0f, sparse, scaling);
    }

    /// <summary>A trained product with random starts: A and B normal, so that the entries of s B A have a given deviation.</summary>
    /// <param name="name">What the parameters' names begin with: the module's path and a dot.</param>
    /// <param name="random">The seed; each part takes the stream of its name.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns of the matrix.</param>
    /// <param name="rank">The rank.</param>
    /// <param name="scale">s, alpha / rank.</param>
    /// <param name="deviation">The deviation of W's entries: 0.02 is what a full matrix starts with.</param>
    public static FactoredWeight LowRankStart(string name, CounterRandom random, int outputs, int inputs, int rank, float scale, float deviation)
    {
        Parameter a = new(name + "lora_A", Storage.Zeros(new Shape(rank, inputs))), b = new(name + "lora_B", Storage.Zeros(new Shape(outputs, rank)));
        // Var(s B A) = s^2 rank Var(A) Var(B), shared by both.
        float each = MathF.Sqrt(deviation / (scale * MathF.Sqrt(rank)));
        random.Named(a.Name).FillNormal(a.Value.Span, each);
        random.Named(b.Name).FillNormal(b.Value.Span, each);
        return new FactoredWeight(new TrainableWeight(a), new TrainableWeight(b), scale);
    }

    /// <inheritdoc/>
    public override void Multiply(Run run, in Prepared x, in Tensor y)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArenaMark mark = run.Arena.Mark;
        Tensor h = run.Allocate(x.X.Rows, Rank);
        A.Multiply(run, x, h);
        Elementwise.Scale(h.Span, Scale, h.Span);
        B.Multiply(run, new Prepared(h), y);
        Sparse?.AddProduct(x.X, y);
        run.Arena.Release(mark);
    }

    /// <inheritdoc/>
    public override void MultiplyTransposed(Run run, in Tensor dy, in Tensor dx, bool accumulate)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArenaMark mark = run.Arena.Mark;
        Tensor g = run.Allocate(dy.Rows, Rank);
        B.MultiplyTransposed(run, dy, g, false);
        Elementwise.Scale(g.Span, Scale, g.Span);
        A.MultiplyTransposed(run, g, dx, accumulate);
        Sparse?.AddTransposed(dy, dx);
        run.Arena.Release(mark);
    }

    /// <inheritdoc/>
    public override void AddGradient(Run run, in Tensor dy, in Tensor x)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArenaMark mark = run.Arena.Mark;
        float s = Scale;
        Tensor h = run.Allocate(x.Rows, Rank), g = run.Allocate(dy.Rows, Rank);
        A.Multiply(run, new Prepared(x), h);
        B.MultiplyTransposed(run, dy, g, false);
        if (Scaling is { Trainable: true })
        {
            // d tanh = 1 - tanh^2; dL/ds = <dy B, x A^T>.
            Tensor to = Scaling.GradientToWrite(out bool accumulate);
            to.Span[0] = (accumulate ? to.Span[0] : 0f) + ((1f - (s * s)) * Inner(g.Span, h.Span));
        }
        if (B.Trains)
        {
            Elementwise.Scale(h.Span, s, h.Span);
            B.AddGradient(run, dy, h);
        }
        if (A.Trains)
        {
            Elementwise.Scale(g.Span, s, g.Span);
            A.AddGradient(run, g, x);
        }
        if (Sparse is { Values.Trainable: true })
        {
            Sparse.AddGradient(dy, x);
        }
        run.Arena.Release(mark);
    }

    /// <inheritdoc/>
    public override void Read(int row, Span<float> to)
    {
        float[] factors = ArrayPool<float>.Shared.Rent(Rank), source = ArrayPool<float>.Shared.Rent(Inputs);
        B.Read(row, factors.AsSpan(0, Rank));
        to = to[..Inputs];
        to.Clear();
        for (int k = 0; k < Rank; k++)
        {
            A.Read(k, source.AsSpan(0, Inputs));
            Elementwise.AddScaled(Scale * factors[k], source.AsSpan(0, Inputs), to);
        }
        Sparse?.AddRow(row, to);
        ArrayPool<float>.Shared.Return(source);
        ArrayPool<float>.Shared.Return(factors);
    }

    /// <inheritdoc/>
    public override float[] ToArray()
    {
        float[] all = new float[checked(Outputs * Inputs)];
        MatrixProduct.Multiply(B.ToArray(), false, A.ToArray(), false, all, Outputs, Inputs, Rank, Scale);
        for (int row = 0; Sparse is not null && row < Outputs; row++)
        {
            Sparse.AddRow(row, all.AsSpan(row * Inputs, Inputs));
        }
        return all;
    }

    /// <inheritdoc/>
    public override Weight ToTrainable(string name, bool halves = false)
    {
        string module = name.EndsWith("weight", StringComparison.Ordinal) ? name[..^"weight".Length] : name + ".";
        return A is TrainableWeight && B is TrainableWeight
            ? this
            : new FactoredWeight(TrainableWeight.Copy(module + "lora_A", A), TrainableWeight.Copy(module + "lora_B", B), scale, Sparse?.Copy(module + "sparse_value", trainable: true), CopyScaling(module + "scaling", true));
    }

    /// <inheritdoc/>
    public override Weight ToFrozen(ElementType type) => A is TrainableWeight || B is TrainableWeight
        ? new FactoredWeight(A.ToFrozen(type), B.ToFrozen(type), scale, Sparse?.Copy(Sparse.Values.Name, trainable: false), CopyScaling(Scaling?.Name ?? "", false))
        : this;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        A.Dispose();
        B.Dispose();
        Sparse?.Dispose();
        Scaling?.Dispose();
    }

    private Parameter? CopyScaling(string name, bool trainable)
    {
        if (Scaling is null)
        {
            return null;
        }
        Tensor value = Storage.Zeros(Scaling.Value.Shape);
        Scaling.Value.Span.CopyTo(value.Span);
        return new Parameter(name, value, trainable);
    }

    private static float Inner(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
        {
            sum += (double)x[i] * y[i];
        }
        return (float)sum;
    }
}
