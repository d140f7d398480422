namespace Lorikeet.Training;

/// <summary>
/// The edit distance of Tercom, as sacrebleu has it: only cells near the diagonal are looked at, and of equal ways the one that keeps or
/// replaces wins, then the one that deletes, then the one that inserts.
/// </summary>
internal sealed class EditDistance(int[] reference)
{
    private const int Beam = 25;
    private const int Infinite = int.MaxValue / 2;

    /// <summary>The distance, and the operations that turn the candidate into the reference: <c>' '</c> keep, s, d, i.</summary>
    public (int Distance, string Trace) Of(int[] candidate)
    {
        int rows = candidate.Length, columns = reference.Length;
        Subsequence.CheckSize(rows, columns);
        int[,] cost = new int[rows + 1, columns + 1];
        char[,] last = new char[rows + 1, columns + 1];
        for (int j = 0; j <= columns; j++)
        {
            (cost[0, j], last[0, j]) = (j, 'i');
        }
        double ratio = rows > 0 ? (double)columns / rows : 1;
        int beam = Beam < ratio / 2 ? (int)Math.Ceiling((ratio / 2) + Beam) : Beam;
        for (int i = 1; i <= rows; i++)
        {
            for (int j = 0; j <= columns; j++)
            {
                cost[i, j] = Infinite;
            }
            int diagonal = (int)Math.Floor(i * ratio);
            int from = Math.Max(0, diagonal - beam), to = i == rows ? columns + 1 : Math.Min(columns + 1, diagonal + beam);
            for (int j = from; j < to; j++)
            {
                if (j == 0)
                {
                    (cost[i, 0], last[i, 0]) = (cost[i - 1, 0] + 1, 'd');
                    continue;
                }
                bool same = candidate[i - 1] == reference[j - 1];
                Take(i, j, cost[i - 1, j - 1] + (same ? 0 : 1), same ? ' ' : 's');
                Take(i, j, cost[i - 1, j] + 1, 'd');
                Take(i, j, cost[i, j - 1] + 1, 'i');
            }
        }
        return (cost[rows, columns], Trace(last, rows, columns));

        void Take(int i, int j, int price, char operation)
        {
            if (price < cost[i, j])
            {
                (cost[i, j], last[i, j]) = (price, operation);
            }
        }
    }

    private static string Trace(char[,] last, int i, int j)
    {
        List<char> trace = [];
        while (i > 0 || j > 0)
        {
            char operation = last[i, j];
            trace.Add(operation);
            i -= operation == 'i' ? 0 : 1;
            j -= operation == 'd' ? 0 : 1;
        }
        trace.Reverse();
        return new string([.. trace]);
    }
}
