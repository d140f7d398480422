namespace Lorikeet.Tensors.LinearAlgebra;

/// <summary>A float64 matrix in rows, for decompositions: small enough for the managed heap, exact enough to trust.</summary>
public sealed class Matrix64
{
    private readonly double[] data;

    /// <summary>A matrix of zeros.</summary>
    /// <param name="rows">Rows, at least 0.</param>
    /// <param name="columns">Columns, at least 0.</param>
    public Matrix64(int rows, int columns)
        : this(rows, columns, new double[checked(rows * columns)])
    {
    }

    private Matrix64(int rows, int columns, double[] data)
    {
        Rows = rows;
        Columns = columns;
        this.data = data;
    }

    /// <summary>Rows.</summary>
    public int Rows { get; }

    /// <summary>Columns.</summary>
    public int Columns { get; }

    /// <summary>All elements, row after row.</summary>
    public Span<double> Data => data;

    /// <summary>One element.</summary>
    /// <param name="row">The row.</param>
    /// <param name="column">The column.</param>
    public double this[int row, int column]
    {
        get => data[(row * Columns) + column];
        set => data[(row * Columns) + column] = value;
    }

    /// <summary>One row.</summary>
    /// <param name="row">The row.</param>
    public Span<double> Row(int row) => data.AsSpan(row * Columns, Columns);

    /// <summary>A copy of float64 elements.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="values">[rows, columns].</param>
    /// <exception cref="ArgumentException">The number of values is another.</exception>
    public static Matrix64 Of(int rows, int columns, ReadOnlySpan<double> values)
    {
        if (values.Length != checked(rows * columns))
        {
            throw new ArgumentException($"{values.Length} values for a matrix [{rows}, {columns}]", nameof(values));
        }
        return new Matrix64(rows, columns, values.ToArray());
    }

    /// <summary>A copy of float32 elements.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="values">[rows, columns].</param>
    /// <exception cref="ArgumentException">The number of values is another.</exception>
    public static Matrix64 Of(int rows, int columns, ReadOnlySpan<float> values)
    {
        if (values.Length != checked(rows * columns))
        {
            throw new ArgumentException($"{values.Length} values for a matrix [{rows}, {columns}]", nameof(values));
        }
        Matrix64 matrix = new(rows, columns);
        for (int i = 0; i < values.Length; i++)
        {
            matrix.data[i] = values[i];
        }
        return matrix;
    }

    /// <summary>Ones on the diagonal.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns; as many as rows by default.</param>
    public static Matrix64 Identity(int rows, int? columns = null)
    {
        Matrix64 matrix = new(rows, columns ?? rows);
        for (int i = 0; i < Math.Min(rows, matrix.Columns); i++)
        {
            matrix[i, i] = 1;
        }
        return matrix;
    }

    /// <summary>Writes the elements as float32.</summary>
    /// <param name="to">[rows, columns].</param>
    public void CopyTo(Span<float> to)
    {
        for (int i = 0; i < data.Length; i++)
        {
            to[i] = (float)data[i];
        }
    }

    /// <summary>A copy.</summary>
    public Matrix64 Copy() => new(Rows, Columns, (double[])data.Clone());

    /// <summary>The transpose.</summary>
    public Matrix64 Transposed()
    {
        Matrix64 to = new(Columns, Rows);
        for (int row = 0; row < Rows; row++)
        {
            for (int column = 0; column < Columns; column++)
            {
                to[column, row] = this[row, column];
            }
        }
        return to;
    }

    /// <summary>The first columns.</summary>
    /// <param name="count">How many.</param>
    public Matrix64 FirstColumns(int count)
    {
        Matrix64 to = new(Rows, count);
        for (int row = 0; row < Rows; row++)
        {
            Row(row)[..count].CopyTo(to.Row(row));
        }
        return to;
    }

    /// <summary>The first rows.</summary>
    /// <param name="count">How many.</param>
    public Matrix64 FirstRows(int count) => Of(count, Columns, Data[..(count * Columns)]);

    /// <summary>This times another: each row of the result is a sum of rows of the other, over ascending k.</summary>
    /// <param name="right">[columns, n].</param>
    /// <exception cref="ArgumentException">The inner sizes differ.</exception>
    public Matrix64 Times(Matrix64 right)
    {
        ArgumentNullException.ThrowIfNull(right);
        if (Columns != right.Rows)
        {
            throw new ArgumentException($"[{Rows}, {Columns}] times [{right.Rows}, {right.Columns}]: the inner sizes differ", nameof(right));
        }
        Matrix64 to = new(Rows, right.Columns);
        for (int row = 0; row < Rows; row++)
        {
            Span<double> sum = to.Row(row);
            ReadOnlySpan<double> factors = Row(row);
            for (int k = 0; k < factors.Length; k++)
            {
                Vectors64.AddScaled(factors[k], right.Row(k), sum);
            }
        }
        return to;
    }

    /// <summary>The largest magnitude of an element; NaN if one is NaN.</summary>
    public double LargestMagnitude()
    {
        double most = 0;
        foreach (double value in data)
        {
            double magnitude = Math.Abs(value);
            if (!(magnitude <= most))
            {
                most = magnitude;
            }
            if (double.IsNaN(most))
            {
                break;
            }
        }
        return most;
    }

    /// <summary>All elements times a factor, in place.</summary>
    /// <param name="factor">The factor.</param>
    /// <returns>This matrix.</returns>
    public Matrix64 Scale(double factor)
    {
        foreach (ref double value in data.AsSpan())
        {
            value *= factor;
        }
        return this;
    }
}
