namespace Lorikeet.Kernels;

/// <summary>One task of an attention call: a block of rows of one sequence, and one key head.</summary>
internal struct AttentionTaskId
{
    public int Sequence;
    public int KeyHead;
    public int FirstRow;
    public int Rows;
}

/// <summary>Numbers the tasks of a call: sequences in order, the blocks of each from the last (which sees most keys) to the first, key heads within a block.</summary>
internal static class TaskList
{
    public static int Count(int rows, int blockRows, int keyHeads) => (rows + blockRows - 1) / blockRows * keyHeads;

    /// <summary>The task <paramref name="number"/> of a sequence.</summary>
    public static AttentionTaskId Get(int sequence, int number, int rows, int blockRows, int keyHeads)
    {
        int block = ((rows + blockRows - 1) / blockRows) - 1 - (number / keyHeads);
        int first = block * blockRows;
        return new() { Sequence = sequence, KeyHead = number % keyHeads, FirstRow = first, Rows = Math.Min(blockRows, rows - first) };
    }

    /// <summary>Tasks of one chunk: one each, unless there are many small ones.</summary>
    public static int Each(int tasks) => Math.Max(1, tasks / (Team.Shared.Threads * 8));

    /// <summary>Multiply-adds below which waking the helpers costs more than they save.</summary>
    public const long Worthwhile = 100_000;
}
