using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>The entries of a sparse matrix [outputs, inputs] whose places never change and whose values may be trained.</summary>
public sealed class SparseEntries : IDisposable
{
    private readonly int[] starts;
    private readonly int[] columns;
    private readonly int inputs;

    /// <summary>Entries at given places.</summary>
    /// <param name="positions">Row-major places, output x inputs + input, strictly ascending.</param>
    /// <param name="values">Their values [entries]; the entries own the parameter from now on.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns of the matrix.</param>
    /// <exception cref="ArgumentException">A place lies outside, is not above the one before, or there are not as many as values.</exception>
    public SparseEntries(ReadOnlySpan<long> positions, Parameter values, int outputs, int inputs)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Value.Shape.Length != positions.Length)
        {
            throw new ArgumentException($"{values.Name} has {values.Value.Shape.Length} values for {positions.Length} places", nameof(values));
        }
        this.inputs = inputs;
        Values = values;
        starts = new int[outputs + 1];
        columns = new int[positions.Length];
        long before = -1, all = (long)outputs * inputs;
        for (int e = 0; e < positions.Length; e++)
        {
            if (positions[e] <= before || positions[e] >= all)
            {
                throw new ArgumentException($"place {e} is {positions[e]} after {before}; expected ascending places below {all}, each once", nameof(positions));
            }
            before = positions[e];
            (long row, long column) = Math.DivRem(before, inputs);
            starts[row + 1]++;
            columns[e] = (int)column;
        }
        for (int o = 0; o < outputs; o++)
        {
            starts[o + 1] += starts[o];
        }
    }

    /// <summary>The values, [entries].</summary>
    public Parameter Values { get; }

    /// <summary>How many there are.</summary>
    public int Count => columns.Length;

    /// <summary>Bytes of memory.</summary>
    public long Bytes => sizeof(float) * (2L * columns.Length + starts.Length);

    /// <summary>The row-major places, ascending.</summary>
    public long[] Positions()
    {
        long[] positions = new long[columns.Length];
        for (int o = 0; o + 1 < starts.Length; o++)
        {
            for (int e = starts[o]; e < starts[o + 1]; e++)
            {
                positions[e] = ((long)o * inputs) + columns[e];
            }
        }
        return positions;
    }

    /// <summary>A uniform sample of places without replacement (Floyd's algorithm over a bitmap), ascending.</summary>
    /// <param name="random">The seed.</param>
    /// <param name="count">How many.</param>
    /// <param name="all">Of how many, below 2^31.</param>
    public static long[] Sample(CounterRandom random, int count, int all)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, all);
        ulong[] taken = new ulong[(all + 63L) / 64];
        for (int i = 0, last = all - count; i < count; i++, last++)
        {
            int drawn = random.Integer((ulong)i, last + 1);
            // What was drawn before stands for the newest place, which cannot have been drawn yet.
            Mark(Marked(drawn) ? last : drawn);
        }
        long[] places = new long[count];
        int found = 0;
        for (int place = 0; place < all && found < count; place++)
        {
            if (Marked(place))
            {
                places[found++] = place;
            }
        }
        return places;

        bool Marked(int place) => (taken[place >> 6] >> (place & 63) & 1) != 0;

        void Mark(int place) => taken[place >> 6] |= 1UL << (place & 63);
    }

    /// <summary>The same places with a copy of the values.</summary>
    /// <param name="name">The copy's name.</param>
    /// <param name="trainable">Whether the copy trains.</param>
    internal SparseEntries Copy(string name, bool trainable)
    {
        Tensor value = Storage.Zeros(Values.Value.Shape);
        Values.Value.Span.CopyTo(value.Span);
        return new SparseEntries(Positions(), new Parameter(name, value, trainable), starts.Length - 1, inputs);
    }

    internal void AddProduct(in Tensor x, in Tensor y) =>
        SparseProduct.Add(x.Span, x.Rows, starts, columns, Values.Value.Span, starts.Length - 1, inputs, y.Span);

    internal void AddTransposed(in Tensor dy, in Tensor dx) =>
        SparseProduct.AddTransposed(dy.Span, dy.Rows, starts, columns, Values.Value.Span, starts.Length - 1, inputs, dx.Span);

    internal void AddGradient(in Tensor dy, in Tensor x)
    {
        Tensor gradient = Values.GradientToWrite(out bool accumulate);
        SparseProduct.Sample(dy.Span, x.Span, x.Rows, starts, columns, starts.Length - 1, inputs, gradient.Span, accumulate);
    }

    internal void AddRow(int row, Span<float> to)
    {
        ReadOnlySpan<float> values = Values.Value.Span;
        for (int e = starts[row]; e < starts[row + 1]; e++)
        {
            to[columns[e]] += values[e];
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Values.Dispose();
}
