using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>The product with a weight: y = x W^T + bias.</summary>
/// <remarks>Backward: dx = dy W; dW = dy^T x where W trains or is watched; dbias = sum over rows of dy. Saves x [rows, inputs] only where dW is wanted.</remarks>
public static class Linear
{
    /// <summary>y[i, :] = W x[i, :] + bias.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, inputs], prepared by the weight.</param>
    /// <param name="weight">[outputs, inputs].</param>
    /// <param name="bias">[outputs], or default for none.</param>
    /// <returns>[rows, outputs].</returns>
    public static Tensor Forward(Run run, in Prepared x, Weight weight, in Tensor bias = default)
    {
        if (x.X.Width != weight.Inputs)
        {
            throw new ArgumentException($"linear: x is {x.X.Shape}, the weight [{weight.Outputs}, {weight.Inputs}] wants rows of {weight.Inputs}");
        }
        Tensor y = run.Allocate(x.X.Rows, weight.Outputs);
        weight.Multiply(run, x, y);
        Tape? tape = run.Tape;
        if (tape is not null)
        {
            bool trains = weight.Trains;
            GradientWatch? watch = tape.WatchOf(weight);
            if (trains)
            {
                weight.Use(run);
            }
            if (trains || watch is not null || x.X.Recorded)
            {
                // The input is read again only for dW.
                Tensor saved = trains || watch is not null ? x.X : default;
                y = tape.Record(run, y, new LinearNode(x.X, weight, trains, watch, tape.FirstRow), saved);
            }
        }
        return bias.Exists ? AddRow.Into(run, y, bias) : y;
    }

    private sealed class LinearNode(Tensor x, Weight weight, bool trains, GradientWatch? watch, int firstRow) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dy = gradient.Output;
            if (trains)
            {
                weight.AddGradient(run, dy, x);
            }
            watch?.Add(x, dy, firstRow);
            // A weight that trains may be changed as soon as its gradient is complete: its product does not wait for others.
            if (trains || watch is not null)
            {
                if (gradient.Wants(x))
                {
                    Tensor dx = gradient.GradientOf(x, out bool accumulate);
                    weight.MultiplyTransposed(run, dy, dx, accumulate);
                }
                return;
            }
            gradient.GiveProduct(run, x, weight);
        }
    }
}
