namespace Lorikeet.Kernels;

/// <summary>Products with a sparse matrix [outputs, inputs] in rows: entries of output o lie from <c>starts[o]</c> to <c>starts[o + 1]</c>, in ascending columns.</summary>
/// <remarks>
/// Many rows of input are transposed in blocks, so that one entry multiplies a vector of rows. Each product is one chain of fused multiply-adds over
/// ascending entries from zero, added to what is there: the same bits for any number of rows and threads.
/// </remarks>
public static unsafe partial class SparseProduct
{
    /// <summary>Adds x S^T: <c>y[i, o] += sum over entries e of o of values[e] x[i, columns[e]]</c>.</summary>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rows">Rows of x and y.</param>
    /// <param name="starts">[outputs + 1].</param>
    /// <param name="columns">[entries], each from 0 to inputs - 1.</param>
    /// <param name="values">[entries].</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns of the matrix.</param>
    /// <param name="y">[rows, outputs].</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public static void Add(
        ReadOnlySpan<float> x, int rows, ReadOnlySpan<int> starts, ReadOnlySpan<int> columns, ReadOnlySpan<float> values, int outputs, int inputs, Span<float> y)
    {
        Check(x.Length, y.Length, rows, starts, columns, values, outputs, inputs);
        fixed (float* from = x, entries = values, to = y)
        fixed (int* starting = starts, column = columns)
        {
            Job job = new() { X = from, Y = to, Starts = starting, Columns = column, Values = entries, Rows = rows, Outputs = outputs, Inputs = inputs };
            if (rows < FewRows)
            {
                FewRowsJob few = new() { Job = job };
                Team.Shared.Run(ref few, Chunks(outputs, OutputGrain));
                return;
            }
            ForwardJob many = new() { Job = job };
            Team.Shared.Run(ref many, Chunks(rows, Block));
        }
    }

    /// <summary>Adds dy S: <c>dx[i, columns[e]] += values[e] dy[i, o]</c> for every entry e of output o.</summary>
    /// <param name="dy">[rows, outputs].</param>
    /// <param name="rows">Rows of dy and dx.</param>
    /// <param name="starts">[outputs + 1].</param>
    /// <param name="columns">[entries].</param>
    /// <param name="values">[entries].</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns of the matrix.</param>
    /// <param name="dx">[rows, inputs].</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public static void AddTransposed(
        ReadOnlySpan<float> dy, int rows, ReadOnlySpan<int> starts, ReadOnlySpan<int> columns, ReadOnlySpan<float> values, int outputs, int inputs, Span<float> dx)
    {
        Check(dx.Length, dy.Length, rows, starts, columns, values, outputs, inputs);
        fixed (float* from = dy, entries = values, to = dx)
        fixed (int* starting = starts, column = columns)
        {
            BackwardJob job = new()
            {
                Job = new Job { X = to, Y = from, Starts = starting, Columns = column, Values = entries, Rows = rows, Outputs = outputs, Inputs = inputs },
            };
            Team.Shared.Run(ref job, Chunks(rows, Block));
        }
    }

    /// <summary>The gradient of the entries alone, without dy^T x: <c>gradient[e] (+)= sum over i of dy[i, o] x[i, columns[e]]</c>.</summary>
    /// <param name="dy">[rows, outputs].</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rows">Rows of dy and x.</param>
    /// <param name="starts">[outputs + 1].</param>
    /// <param name="columns">[entries].</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns of the matrix.</param>
    /// <param name="gradient">[entries].</param>
    /// <param name="accumulate">Adds to the gradient instead of replacing it.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public static void Sample(
        ReadOnlySpan<float> dy, ReadOnlySpan<float> x, int rows, ReadOnlySpan<int> starts, ReadOnlySpan<int> columns, int outputs, int inputs, Span<float> gradient, bool accumulate)
    {
        Check(x.Length, dy.Length, rows, starts, columns, gradient, outputs, inputs);
        if (!accumulate)
        {
            gradient[..columns.Length].Clear();
        }
        fixed (float* from = x, upper = dy, to = gradient)
        fixed (int* starting = starts, column = columns)
        {
            // Both transposed, some rows at a time, for all chunks of outputs.
            float* transposed = (float*)ThreadScratch.TakeForCall((nuint)((long)(inputs + outputs) * SampleBlock * sizeof(float)));
            for (int first = 0; first < rows; first += SampleBlock)
            {
                int count = Math.Min(SampleBlock, rows - first);
                TransposeJob turn = new()
                {
                    X = from + ((long)first * inputs),
                    XTo = transposed,
                    Inputs = inputs,
                    Y = upper + ((long)first * outputs),
                    YTo = transposed + ((long)inputs * SampleBlock),
                    Outputs = outputs,
                    Rows = count,
                };
                Team.Shared.Run(ref turn, 2);
                SampleJob job = new() { X = turn.XTo, Y = turn.YTo, Starts = starting, Columns = column, Gradient = to, Outputs = outputs, Rows = count };
                Team.Shared.Run(ref job, Chunks(outputs, OutputGrain));
            }
        }
    }

    private static int Chunks(int count, int grain) => (count + grain - 1) / grain;

    private static void Check(int x, int y, int rows, ReadOnlySpan<int> starts, ReadOnlySpan<int> columns, ReadOnlySpan<float> values, int outputs, int inputs)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        Require.Length(x, (long)rows * inputs, nameof(x), "[rows, inputs]");
        Require.Length(y, (long)rows * outputs, nameof(y), "[rows, outputs]");
        Require.Length(starts.Length, outputs + 1L, nameof(starts), "[outputs + 1]");
        Require.Length(values.Length, columns.Length, nameof(values), "[entries]");
        Require.Length(columns.Length, starts[outputs], nameof(columns), "[entries]");
        KernelWork.Count(rows, columns.Length, 1, columns.Length * (double)(sizeof(float) + sizeof(int)));
    }
}
