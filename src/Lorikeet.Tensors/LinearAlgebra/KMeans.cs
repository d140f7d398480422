namespace Lorikeet.Tensors.LinearAlgebra;

/// <summary>Lloyd's clustering from given centres.</summary>
/// <param name="Centres">[clusters, width].</param>
/// <param name="Labels">[points].</param>
/// <param name="Objectives">The sum of squared distances after each assignment.</param>
public sealed record KMeans(Matrix64 Centres, int[] Labels, IReadOnlyList<double> Objectives)
{
    /// <summary>Assigns each point to its nearest centre (the first of equals), moves centres to the means, until nothing changes.</summary>
    /// <remarks>A centre without points stays where it is. Source: Lloyd, IEEE Trans. Inf. Theory 28 (1982).</remarks>
    /// <param name="points">[points, width].</param>
    /// <param name="start">[clusters, width].</param>
    /// <param name="mostIterations">Assignments at most.</param>
    public static KMeans Run(Matrix64 points, Matrix64 start, int mostIterations = 300)
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentNullException.ThrowIfNull(start);
        Matrix64 centres = start.Copy();
        int[] labels = new int[points.Rows];
        Array.Fill(labels, -1);
        List<double> objectives = [];
        bool changed = true;
        while (changed && objectives.Count < mostIterations)
        {
            (changed, double objective) = Assign(points, centres, labels);
            objectives.Add(objective);
            if (changed)
            {
                Move(points, centres, labels);
            }
        }
        return new KMeans(centres, labels, objectives);
    }

    private static (bool Changed, double Objective) Assign(Matrix64 points, Matrix64 centres, int[] labels)
    {
        bool changed = false;
        double objective = 0;
        for (int i = 0; i < points.Rows; i++)
        {
            int nearest = 0;
            double least = double.PositiveInfinity;
            for (int c = 0; c < centres.Rows; c++)
            {
                double distance = 0;
                for (int j = 0; j < points.Columns; j++)
                {
                    double apart = points[i, j] - centres[c, j];
                    distance += apart * apart;
                }
                (nearest, least) = distance < least ? (c, distance) : (nearest, least);
            }
            changed |= labels[i] != nearest;
            labels[i] = nearest;
            objective += least;
        }
        return (changed, objective);
    }

    private static void Move(Matrix64 points, Matrix64 centres, int[] labels)
    {
        for (int c = 0; c < centres.Rows; c++)
        {
            int count = labels.Count(label => label == c);
            if (count == 0)
            {
                continue;
            }
            centres.Row(c).Clear();
            for (int i = 0; i < points.Rows; i++)
            {
                if (labels[i] == c)
                {
                    Vectors64.AddScaled(1, points.Row(i), centres.Row(c));
                }
            }
            Cholesky.Divide(centres.Row(c), count);
        }
    }
}
