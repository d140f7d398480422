using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>A float32 matrix that can be trained: one row-major copy, packed on the fly by each product, so that an optimiser step needs no repacking.</summary>
public sealed class TrainableWeight : Weight
{
    private readonly Parameter parameter;

    /// <summary>Wraps a parameter.</summary>
    /// <param name="parameter">Its value is [outputs, inputs]; the weight owns it from now on.</param>
    public TrainableWeight(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        if (parameter.Value.Shape.Rank != 2)
        {
            throw new ArgumentException($"{parameter.Name}: a weight is [outputs, inputs], found {parameter.Value.Shape}", nameof(parameter));
        }
        this.parameter = parameter;
        Parameters = [parameter];
    }

    /// <summary>A trainable copy of any weight.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="source">The weight to copy.</param>
    public static TrainableWeight Copy(string name, Weight source)
    {
        ArgumentNullException.ThrowIfNull(source);
        Tensor value = Storage.Zeros(new Shape(source.Outputs, source.Inputs));
        for (int row = 0; row < source.Outputs; row++)
        {
            source.Read(row, value.Row(row));
        }
        return new TrainableWeight(new Parameter(name, value));
    }

    /// <summary>The matrix as a parameter.</summary>
    public Parameter Parameter => parameter;

    /// <inheritdoc/>
    public override int Outputs => parameter.Value.Rows;

    /// <inheritdoc/>
    public override int Inputs => parameter.Value.Width;

    /// <inheritdoc/>
    public override long Bytes => parameter.Value.Shape.Length * sizeof(float);

    /// <inheritdoc/>
    public override string Format => "f32";

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters { get; }

    /// <inheritdoc/>
    public override void Multiply(Run run, in Prepared x, in Tensor y) =>
        MatrixProduct.Multiply(x.X.Span, false, parameter.Value.Span, true, y.Span, x.X.Rows, Outputs, Inputs);

    /// <inheritdoc/>
    public override void MultiplyTransposed(Run run, in Tensor dy, in Tensor dx, bool accumulate) =>
        MatrixProduct.Multiply(dy.Span, false, parameter.Value.Span, false, dx.Span, dy.Rows, Inputs, Outputs, 1f, accumulate);

    /// <inheritdoc/>
    public override void Read(int row, Span<float> to) => parameter.Value.Row(row).CopyTo(to);

    /// <inheritdoc/>
    public override void AddGradient(Run run, in Tensor dy, in Tensor x) => AddGradient(parameter, dy, x);

    /// <inheritdoc/>
    public override void AddRowGradients(Run run, ReadOnlySpan<int> rows, in Tensor dy) => AddRowGradients(parameter, rows, dy);

    /// <summary>Adds dy^T x to the gradient of a matrix.</summary>
    internal static void AddGradient(Parameter parameter, in Tensor dy, in Tensor x)
    {
        Tensor gradient = parameter.GradientToWrite(out bool accumulate);
        MatrixProduct.Multiply(dy.Span, true, x.Span, false, gradient.Span, gradient.Rows, gradient.Width, x.Rows, 1f, accumulate);
    }

    /// <summary>Adds rows of dy to the gradient of rows of a matrix.</summary>
    internal static void AddRowGradients(Parameter parameter, ReadOnlySpan<int> rows, in Tensor dy)
    {
        Tensor gradient = parameter.GradientToWrite(out bool accumulate);
        if (!accumulate)
        {
            gradient.Span.Clear();
        }
        for (int i = 0; i < rows.Length; i++)
        {
            Span<float> row = gradient.Row(rows[i]);
            Elementwise.Add(row, dy.Row(i), row);
        }
    }

    /// <inheritdoc/>
    public override Weight ToTrainable(string name, bool halves = false) => this;

    /// <inheritdoc/>
    public override Weight ToFrozen(ElementType type) => new DenseWeight(parameter.Value.Span, Outputs, Inputs, type);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => parameter.Dispose();
}
