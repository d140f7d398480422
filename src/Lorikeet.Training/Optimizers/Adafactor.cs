using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Adafactor as in transformers.optimization: row and column means of squared gradients in place of the second moment, clipped updates.</summary>
/// <remarks>
/// b2 = 1 - t^decayRate; u = g^2 + eps1; matrices (last two axes): R = b2 R + (1 - b2) mean over columns of u, C likewise over rows,
/// update = g / (sqrt(R / mean R) sqrt(C)); vectors: v = b2 v + (1 - b2) u, update = g / sqrt(v). update /= max(1, rms(update) / clip); update *= rate;
/// with beta1: m = b1 m + (1 - b1) update, update = m; w -= decay rate w; w -= update. A relative rate is min(1e-6 t or 1e-2, 1/sqrt(t));
/// scaled rates are multiplied by max(eps2, rms(w)). Source: Shazeer and Stern, arXiv 1804.04235.
/// </remarks>
/// <param name="eps1">Added to squared gradients.</param>
/// <param name="eps2">The least RMS that scales the rate.</param>
/// <param name="clip">The largest RMS of an update.</param>
/// <param name="decayRate">The exponent of the second moment's decay.</param>
/// <param name="beta1">Decay of the first moment; null: none is kept.</param>
/// <param name="scaleParameter">Multiply the rate by the parameter's RMS.</param>
/// <param name="relativeStep">Make the rate from the step's number; the schedule's is not used.</param>
/// <param name="warmupInit">Of a relative rate: begin small.</param>
public sealed class Adafactor(
    double eps1 = 1e-30, double eps2 = 1e-3, double clip = 1, double decayRate = -0.8, double? beta1 = null, bool scaleParameter = true, bool relativeStep = true,
    bool warmupInit = false) : IOptimizer
{
    /// <inheritdoc/>
    public string Name => "adafactor";

    /// <inheritdoc/>
    public void Begin(OptimizerState state, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (beta1 is not null)
        {
            state.Add("exp_avg", shape);
        }
        if (shape.Rank < 2)
        {
            state.Add("exp_avg_sq", shape);
        }
        else
        {
            int last = shape[shape.Rank - 1], before = shape[shape.Rank - 2], count = (int)(shape.Length / last / before);
            state.Add("exp_avg_sq_row", new Shape(count * before));
            state.Add("exp_avg_sq_col", new Shape(count * last));
        }
        state.Add("RMS", new Shape(1));
    }

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<Update> updates)
    {
        for (int i = 0; i < updates.Length; i++)
        {
            One(updates[i]);
        }
    }

    private void One(in Update update)
    {
        OptimizerState state = update.State;
        int step = ++state.Steps;
        Span<float> value = update.Parameter.Value.Span;
        float rms = Rms((update.Whole ?? update.Parameter).Value.Span);
        state["RMS"].Span[0] = rms;
        double rate = relativeStep ? Math.Min(warmupInit ? 1e-6 * step : 1e-2, 1 / Math.Sqrt(step)) : update.Rate;
        rate *= scaleParameter ? Math.Max(eps2, rms) : 1;
        float keep = (float)(1 - Math.Pow(step, decayRate));
        Tensor scratch = Storage.Zeros(update.Gradient.Shape);
        Span<float> change = scratch.Span;
        if (update.Gradient.Shape.Rank < 2)
        {
            Plain(update.Gradient.Span, state["exp_avg_sq"].Span, keep, change);
        }
        else
        {
            Factored(update.Gradient, state["exp_avg_sq_row"].Span, state["exp_avg_sq_col"].Span, keep, change);
        }
        Elementwise.Scale(change, (float)(rate / Math.Max(1, Rms(change) / clip)), change);
        if (beta1 is { } momentum)
        {
            Span<float> average = state["exp_avg"].Span;
            Elementwise.Scale(average, (float)momentum, average);
            Elementwise.AddScaled((float)(1 - momentum), change, average);
            average.CopyTo(change);
        }
        if (update.Decay != 0)
        {
            Elementwise.Scale(value, (float)(1 - (update.Decay * rate)), value);
        }
        Elementwise.AddScaled(-1f, change, value);
        scratch.Free();
    }

    private void Plain(ReadOnlySpan<float> gradient, Span<float> squares, float keep, Span<float> change)
    {
        for (int i = 0; i < gradient.Length; i++)
        {
            squares[i] = (squares[i] * keep) + (Square(gradient[i]) * (1 - keep));
            change[i] = gradient[i] / MathF.Sqrt(squares[i]);
        }
    }

    private void Factored(in Tensor gradient, Span<float> rows, Span<float> columns, float keep, Span<float> change)
    {
        int last = gradient.Shape[gradient.Shape.Rank - 1], before = gradient.Shape[gradient.Shape.Rank - 2];
        ReadOnlySpan<float> all = gradient.Span;
        double[] sums = new double[last];
        for (int matrix = 0; matrix * before < rows.Length; matrix++)
        {
            Span<float> row = rows.Slice(matrix * before, before), column = columns.Slice(matrix * last, last);
            Array.Clear(sums);
            double mean = 0;
            for (int i = 0; i < before; i++)
            {
                ReadOnlySpan<float> g = all.Slice(((matrix * before) + i) * last, last);
                double sum = 0;
                for (int j = 0; j < last; j++)
                {
                    float square = Square(g[j]);
                    sum += square;
                    sums[j] += square;
                }
                row[i] = (row[i] * keep) + ((float)(sum / last) * (1 - keep));
                mean += row[i];
            }
            for (int j = 0; j < last; j++)
            {
                column[j] = (column[j] * keep) + ((float)(sums[j] / before) * (1 - keep));
            }
            mean /= before;
            for (int i = 0; i < before; i++)
            {
                int at = ((matrix * before) + i) * last;
                float factor = 1 / MathF.Sqrt((float)(row[i] / mean));
                for (int j = 0; j < last; j++)
                {
                    change[at + j] = factor / MathF.Sqrt(column[j]) * all[at + j];
                }
            }
        }
    }

    private float Square(float value) => (value * value) + (float)eps1;

    private static float Rms(ReadOnlySpan<float> values) => (float)Math.Sqrt(Reduce.SumOfSquaresDouble(values) / Math.Max(1, values.Length));
}
