namespace Lorikeet.Training;

/// <summary>Longest common subsequences of words.</summary>
internal static class Subsequence
{
    public static int Length(IReadOnlyList<string> left, IReadOnlyList<string> right)
    {
        int[] row = new int[right.Count + 1];
        for (int i = 0; i < left.Count; i++)
        {
            int corner = 0;
            for (int j = 1; j <= right.Count; j++)
            {
                int above = row[j];
                row[j] = left[i] == right[j - 1] ? corner + 1 : Math.Max(above, row[j - 1]);
                corner = above;
            }
        }
        return row[^1];
    }

    /// <summary>Refuses a table of two lines' words that would not fit into memory.</summary>
    public static void CheckSize(long left, long right)
    {
        const long MostCells = 1 << 28;
        if ((left + 1) * (right + 1) > MostCells)
        {
            throw new ArgumentException($"lines of {left} and {right} words would need a table of more than {MostCells} cells; split them");
        }
    }

    /// <summary>The places in the first list of one of the longest; which, is rouge_score's choice.</summary>
    public static IEnumerable<int> Places(IReadOnlyList<string> left, IReadOnlyList<string> right)
    {
        CheckSize(left.Count, right.Count);
        int[,] table = new int[left.Count + 1, right.Count + 1];
        for (int i = 1; i <= left.Count; i++)
        {
            for (int j = 1; j <= right.Count; j++)
            {
                table[i, j] = left[i - 1] == right[j - 1] ? table[i - 1, j - 1] + 1 : Math.Max(table[i - 1, j], table[i, j - 1]);
            }
        }
        for (int i = left.Count, j = right.Count; i > 0 && j > 0;)
        {
            if (left[i - 1] == right[j - 1])
            {
                yield return i - 1;
                i--;
                j--;
            }
            else if (table[i, j - 1] > table[i - 1, j])
            {
                j--;
            }
            else
            {
                i--;
            }
        }
    }
}
