using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;

namespace Lorikeet.Training;

/// <summary>Multiplies a projected gradient by the inverse of a Fisher matrix made of the last ones: (lambda I + H H')^-1 g.</summary>
/// <remarks>
/// H holds the last projected gradients of the parameter as columns, the present one among them. By Woodbury's identity
/// g~ = g / lambda - H z / lambda^2 with (I + H' H / lambda) z = H' g, a system as small as the history; solved in float64, for the difference cancels.
/// Source: Das, Natural GaLore, arXiv 2410.16029, section 3.
/// </remarks>
/// <param name="damping">lambda, above 0.</param>
/// <param name="history">The most columns of H; 0 leaves gradients as they are.</param>
/// <param name="clears">Forget the history when a subspace is chosen anew; the official code keeps it.</param>
/// <param name="relative">lambda is <paramref name="damping"/> times the mean of the diagonal of H' H, so that it does not depend on the gradients' size.</param>
public sealed class NaturalGradient(double damping = 1e-3, int history = 20, bool clears = false, bool relative = false)
{
    private const string Name = "history", Filled = "history_length";

    /// <summary>Whether a new subspace empties the history.</summary>
    public bool Clears => clears;

    /// <summary>Forgets the history.</summary>
    /// <param name="state">The state.</param>
    internal static void Forget(OptimizerState state)
    {
        state.Drop(Name);
        state.Drop(Filled);
    }

    /// <summary>Takes a gradient into the history and replaces it by the natural one.</summary>
    /// <param name="state">Keeps the history.</param>
    /// <param name="low">The projected gradient, overwritten.</param>
    public void Apply(OptimizerState state, in Tensor low)
    {
        if (history == 0)
        {
            return;
        }
        int length = checked((int)low.Shape.Length);
        Tensor all = state.Add(Name, new Shape(history, length)), filled = state.Add(Filled, new Shape(1));
        // The newest gradient goes where the oldest was.
        int taken = (int)filled.Span[0];
        low.Span.CopyTo(all.Row(taken % history));
        filled.Span[0] = taken + 1 >= 2 * history ? history + ((taken + 1) % history) : taken + 1;
        int count = Math.Min(taken + 1, history);
        double[][] columns = new double[count][];
        for (int i = 0; i < count; i++)
        {
            columns[i] = Matrix64.Of(1, length, all.Row(i)).Data.ToArray();
        }
        double[] natural = Precondition(columns, Matrix64.Of(1, length, low.Span).Data.ToArray(), relative ? damping * columns.Average(c => Dot(c, c)) : damping);
        Span<float> to = low.Span;
        for (int k = 0; k < length; k++)
        {
            to[k] = (float)natural[k];
        }
    }

    /// <summary>(lambda I + H H')^-1 g; g itself where lambda is 0, as it is for a relative damping of gradients that are all zero.</summary>
    internal static double[] Precondition(double[][] columns, double[] g, double lambda)
    {
        if (!(lambda > 0))
        {
            return g;
        }
        int count = columns.Length;
        Matrix64 system = Matrix64.Identity(count), right = new(count, 1);
        for (int i = 0; i < count; i++)
        {
            right[i, 0] = Dot(columns[i], g);
            for (int j = 0; j <= i; j++)
            {
                double product = Dot(columns[i], columns[j]) / lambda;
                system[i, j] += product;
                system[j, i] = system[i, j];
            }
        }
        Matrix64 z = Solve(system, right);
        double[] natural = new double[g.Length];
        for (int k = 0; k < natural.Length; k++)
        {
            double sum = 0;
            for (int i = 0; i < count; i++)
            {
                sum += columns[i][k] * z[i, 0];
            }
            natural[k] = (g[k] / lambda) - (sum / (lambda * lambda));
        }
        return natural;
    }

    private static Matrix64 Solve(Matrix64 system, Matrix64 right)
    {
        double trace = 0;
        for (int i = 0; i < system.Rows; i++)
        {
            trace += system[i, i];
        }
        for (double lift = 0; ; lift = lift == 0 ? 1e-6 * trace / system.Rows : lift * 10)
        {
            Matrix64 lifted = system.Copy();
            for (int i = 0; i < system.Rows; i++)
            {
                lifted[i, i] += lift;
            }
            if (Cholesky.Try(lifted) is { } factor)
            {
                return factor.Solve(right);
            }
            if (!double.IsFinite(lift))
            {
                throw new ArithmeticException("the history of projected gradients holds NaN or infinity");
            }
        }
    }

    private static double Dot(double[] x, double[] y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
        {
            sum += x[i] * y[i];
        }
        return sum;
    }
}
