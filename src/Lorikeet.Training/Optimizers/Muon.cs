using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>How Muon's rate depends on a matrix's shape.</summary>
public enum MuonRate
{
    /// <summary>lr sqrt(max(1, rows / columns)).</summary>
    Original,

    /// <summary>0.2 lr sqrt(max(rows, columns)): steps as large as AdamW's.</summary>
    MatchRms,
}

/// <summary>Muon: momentum brought near an orthogonal matrix by Newton-Schulz steps; for matrices only.</summary>
/// <remarks>
/// m = mu m + (1 - mu) g; u = (1 - mu) g + mu m with Nesterov's form, else m; X = u / max(|u|, eps), transposed where it is tall; five times
/// X = a X + (b A + c A A) X, A = X X'; w -= lr decay w; w -= rate X. Source: Jordan et al. 2024, as in torch.optim.Muon, in float32.
/// </remarks>
/// <param name="momentum">mu.</param>
/// <param name="nesterov">Look ahead.</param>
/// <param name="steps">Newton-Schulz steps.</param>
/// <param name="eps">The least norm divided by.</param>
/// <param name="rateRule">How the rate depends on the shape.</param>
public sealed class Muon(double momentum = 0.95, bool nesterov = true, int steps = 5, double eps = 1e-7, MuonRate rateRule = MuonRate.Original) : IOptimizer
{
    private const float A = 3.4445f, B = -4.7750f, C = 2.0315f;

    /// <inheritdoc/>
    public string Name => "muon";

    /// <inheritdoc/>
    public void Begin(OptimizerState state, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (shape.Rank != 2)
        {
            throw new NotSupportedException($"muon trains matrices, not a tensor of {shape}: train only matrices with it, or use adamw");
        }
        state.Add("momentum_buffer", shape);
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
        update.State.Steps++;
        int rows = update.Parameter.Value.Rows, columns = update.Parameter.Value.Width;
        Span<float> buffer = update.State["momentum_buffer"].Span, value = update.Parameter.Value.Span;
        Elementwise.Scale(buffer, (float)momentum, buffer);
        Elementwise.AddScaled((float)(1 - momentum), update.Gradient.Span, buffer);
        Tensor direction = Storage.Zeros(new Shape(rows, columns));
        if (nesterov)
        {
            Elementwise.Scale(buffer, (float)momentum, direction.Span);
            Elementwise.AddScaled((float)(1 - momentum), update.Gradient.Span, direction.Span);
        }
        else
        {
            buffer.CopyTo(direction.Span);
        }
        Orthogonalise(direction);
        double scale = rateRule == MuonRate.Original ? Math.Sqrt(Math.Max(1, (double)rows / columns)) : 0.2 * Math.Sqrt(Math.Max(rows, columns));
        Elementwise.Scale(value, (float)(1 - (update.Rate * update.Decay)), value);
        Elementwise.AddScaled((float)(-update.Rate * scale), direction.Span, value);
        direction.Free();
    }

    /// <summary>X X' is taken over the shorter side: a tall X multiplies from the right instead of being transposed.</summary>
    private void Orthogonalise(in Tensor x)
    {
        int rows = x.Rows, columns = x.Width, side = Math.Min(rows, columns);
        bool tall = rows > columns;
        Elementwise.Scale(x.Span, (float)(1 / Math.Max(Math.Sqrt(Reduce.SumOfSquaresDouble(x.Span)), eps)), x.Span);
        Tensor gram = Storage.Zeros(new Shape(side, side)), square = Storage.Zeros(new Shape(side, side)), next = Storage.Zeros(x.Shape);
        for (int step = 0; step < steps; step++)
        {
            MatrixProduct.Multiply(x.Span, tall, x.Span, !tall, gram.Span, side, side, Math.Max(rows, columns));
            MatrixProduct.Multiply(gram.Span, false, gram.Span, false, square.Span, side, side, side, C);
            Elementwise.AddScaled(B, gram.Span, square.Span);
            if (tall)
            {
                MatrixProduct.Multiply(x.Span, false, square.Span, false, next.Span, rows, columns, side);
            }
            else
            {
                MatrixProduct.Multiply(square.Span, false, x.Span, false, next.Span, rows, columns, side);
            }
            Elementwise.AddScaled(A, x.Span, next.Span);
            next.Span.CopyTo(x.Span);
        }
        gram.Free();
        square.Free();
        next.Free();
    }
}
