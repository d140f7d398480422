using Lorikeet.Kernels;

namespace Lorikeet.Tensors.LinearAlgebra;

/// <summary>A thin singular value decomposition A = U diag(S) V'.</summary>
/// <param name="U">[m, k], orthonormal columns, k = min(m, n).</param>
/// <param name="S">[k], descending.</param>
/// <param name="Vt">[k, n], orthonormal rows.</param>
public sealed record Svd(Matrix64 U, double[] S, Matrix64 Vt)
{
    private const int MostSweeps = 60;
    private const double Orthogonal = 1e-15;

    /// <summary>Decomposes by QR and one-sided Jacobi rotations of R's rows.</summary>
    /// <remarks>
    /// One pair of u and v is free in its sign: the entry of u with the largest magnitude is positive here, so that runs repeat. Small singular values keep their
    /// digits. The pairs of a round touch disjoint rows, so the worker team turns them side by side and the result does not depend on its threads.
    /// Source: Drmac and Veselic, SIAM J. Matrix Anal. 29 (2008); the order of pairs is a round-robin tournament.
    /// </remarks>
    /// <param name="a">[m, n], finite.</param>
    /// <exception cref="ArithmeticException">An element is NaN or infinite.</exception>
    public static Svd Thin(Matrix64 a)
    {
        ArgumentNullException.ThrowIfNull(a);
        if (a.Rows < a.Columns)
        {
            Svd other = Thin(a.Transposed());
            return new Svd(other.Vt.Transposed(), other.S, other.U.Transposed()).WithSigns();
        }
        double largest = a.LargestMagnitude();
        if (!double.IsFinite(largest))
        {
            throw new ArithmeticException($"the singular values of a matrix [{a.Rows}, {a.Columns}] were asked for that holds NaN or infinity");
        }
        int n = a.Columns;
        // A power of two keeps every digit.
        double scale = largest == 0 ? 1 : Math.ScaleB(1, -Math.Clamp(Math.ILogB(largest), -1000, 1000));
        Qr qr = Qr.Thin(a.Copy().Scale(scale));
        // Rows of R are the columns of R'; rotating them gives R' V = U S, so R = V S U'.
        Matrix64 rows = qr.R, turns = Matrix64.Identity(n);
        Orthogonalise(rows, turns);
        double[] norms = new double[n];
        for (int i = 0; i < n; i++)
        {
            norms[i] = Vectors64.Norm(rows.Row(i));
        }
        int[] order = [.. Enumerable.Range(0, n).OrderByDescending(i => norms[i])];
        Matrix64 left = new(n, n), vt = new(n, n);
        double[] values = new double[n];
        for (int i = 0; i < n; i++)
        {
            int from = order[i];
            values[i] = norms[from] / scale;
            turns.Row(from).CopyTo(left.Row(i));
            Vectors64.AddScaled(norms[from] > 0 ? 1 / norms[from] : 0, rows.Row(from), vt.Row(i));
        }
        Complete(vt, norms.Count(norm => norm > 0));
        return new Svd(qr.Q.Times(left.Transposed()), values, vt).WithSigns();
    }

    /// <summary>The best approximation of a rank, U[:, :r] diag(S[:r]) V[:r].</summary>
    /// <param name="rank">The rank, at most k.</param>
    public Matrix64 Approximation(int rank)
    {
        Matrix64 scaled = U.FirstColumns(rank);
        for (int row = 0; row < scaled.Rows; row++)
        {
            for (int i = 0; i < rank; i++)
            {
                scaled[row, i] *= S[i];
            }
        }
        return scaled.Times(Vt.FirstRows(rank));
    }

    private static unsafe void Orthogonalise(Matrix64 rows, Matrix64 turns)
    {
        int n = rows.Rows, players = n + (n % 2);
        if (n < 2)
        {
            return;
        }
        bool[] turned = new bool[players / 2];
        fixed (double* x = rows.Data, v = turns.Data)
        fixed (bool* flags = turned)
        {
            Games games = new() { Rows = x, Turns = v, Count = n, Width = rows.Columns, Players = players, Turned = flags };
            for (int sweep = 0; sweep < MostSweeps; sweep++)
            {
                Array.Clear(turned);
                for (games.Game = 0; games.Game < players - 1; games.Game++)
                {
                    Play(ref games);
                }
                if (Array.IndexOf(turned, true) < 0)
                {
                    return;
                }
            }
        }
    }

    private static void Play(ref Games games)
    {
        // Below this the team's barrier costs more than the rotations.
        if ((long)games.Players * games.Width >= 8192)
        {
            Team.Shared.Run(ref games, games.Players / 2);
            return;
        }
        for (int pair = 0; pair < games.Players / 2; pair++)
        {
            games.Execute(pair);
        }
    }

    /// <summary>Rows from <paramref name="known"/> on become orthonormal to those before: singular vectors of a zero are free.</summary>
    private static void Complete(Matrix64 rows, int known)
    {
        int axis = 0;
        for (int i = known; i < rows.Rows; i++)
        {
            double norm = 0;
            while (norm < 0.5 / rows.Columns)
            {
                Span<double> row = rows.Row(i);
                row.Clear();
                row[axis++] = 1;
                for (int pass = 0; pass < 2; pass++)
                {
                    for (int j = 0; j < i; j++)
                    {
                        Vectors64.AddScaled(-Vectors64.Dot(rows.Row(j), row), rows.Row(j), row);
                    }
                }
                norm = Vectors64.Norm(row);
            }
            foreach (ref double value in rows.Row(i))
            {
                value /= norm;
            }
        }
    }

    private Svd WithSigns()
    {
        for (int i = 0; i < S.Length; i++)
        {
            double most = 0;
            for (int row = 0; row < U.Rows; row++)
            {
                most = Math.Abs(U[row, i]) > Math.Abs(most) ? U[row, i] : most;
            }
            if (most < 0)
            {
                for (int row = 0; row < U.Rows; row++)
                {
                    U[row, i] = -U[row, i];
                }
                foreach (ref double value in Vt.Row(i))
                {
                    value = -value;
                }
            }
        }
        return this;
    }

    /// <summary>The pairs of one round: every row meets one other, so pairs can be turned side by side.</summary>
    private unsafe struct Games : IJob
    {
        public double* Rows;
        public double* Turns;
        public int Count;
        public int Width;
        public int Players;
        public int Game;
        public bool* Turned;

        public readonly void Execute(int chunk)
        {
            int first = Seat(chunk), second = Seat(Players - 1 - chunk);
            int p = Math.Min(first, second), q = Math.Max(first, second);
            if (q >= Count)
            {
                return;
            }
            Span<double> x = new(Rows + ((nint)p * Width), Width), y = new(Rows + ((nint)q * Width), Width);
            double xx = Vectors64.Dot(x, x), yy = Vectors64.Dot(y, y), xy = Vectors64.Dot(x, y);
            if (Math.Abs(xy) <= Orthogonal * Math.Sqrt(xx) * Math.Sqrt(yy))
            {
                return;
            }
            double zeta = (yy - xx) / (2 * xy);
            double t = Math.Abs(zeta) > 1e150 ? 0.5 / zeta : Math.CopySign(1 / (Math.Abs(zeta) + Math.Sqrt(1 + (zeta * zeta))), zeta);
            double c = 1 / Math.Sqrt(1 + (t * t)), s = c * t;
            Vectors64.Rotate(x, y, c, s);
            Vectors64.Rotate(new(Turns + ((nint)p * Count), Count), new(Turns + ((nint)q * Count), Count), c, s);
            Turned[chunk] |= t != 0;
        }

        // Player 0 stays, the others move round the table.
        private readonly int Seat(int seat) => seat == 0 ? 0 : 1 + ((seat - 1 + Game) % (Players - 1));
    }
}
