namespace Lorikeet.Kernels;

/// <summary>One task of an attention call: a block of rows of one sequence, and one key head.</summary>
internal struct AttentionTaskId
{
    public int Sequence;
    public int KeyHead;
    public int FirstRow;
    public int Rows;
}

/// <summary>An attention call as <see cref="TaskList"/> sees it.</summary>
internal interface IAttentionCall
{
    /// <summary>Rows of a sequence in this call.</summary>
    int Rows(int sequence);

    /// <summary>Keys that the last row of a sequence sees, at most.</summary>
    int Keys(int sequence);

    void Run(AttentionTaskId task);
}

/// <summary>
/// Divides an attention call over the team. Tasks are numbered by sequence, then from a sequence's last block of rows (which sees most
/// keys) to its first, then by key head; a chunk finds its tasks by walking the sequences, so that no list is kept.
/// </summary>
internal static unsafe class TaskList
{
    /// <summary>Products of two elements below which sharing costs more than it saves: about three microseconds of one core.</summary>
    private const long Worthwhile = 100_000;

    public static void Run<TCall>(ref TCall call, in AttentionShape shape, int sequences)
        where TCall : unmanaged, IAttentionCall
    {
        int blockRows = ForwardTask.BlockRows(shape);
        int tasks = 0;
        long work = 0;
        for (int i = 0; i < sequences; i++)
        {
            int rows = call.Rows(i);
            tasks += Blocks(rows, blockRows) * shape.KeyHeads;
            work += 2L * rows * call.Keys(i) * shape.QueryWidth;
        }
        int each = work < Worthwhile ? Math.Max(1, tasks) : Math.Max(1, tasks / (Team.Shared.Threads * 8));
        fixed (TCall* pointer = &call)
        {
            Job<TCall> job = new()
            {
                Call = pointer,
                Sequences = sequences,
                KeyHeads = shape.KeyHeads,
                BlockRows = blockRows,
                Tasks = tasks,
                Each = each,
            };
            Team.Shared.Run(ref job, (tasks + each - 1) / each);
        }
    }

    private static int Blocks(int rows, int blockRows) => (rows + blockRows - 1) / blockRows;

    private struct Job<TCall> : IJob
        where TCall : unmanaged, IAttentionCall
    {
        public TCall* Call;
        public int Sequences;
        public int KeyHeads;
        public int BlockRows;
        public int Tasks;
        public int Each;

        public readonly void Execute(int chunk)
        {
            // Both count from the first task of sequence i.
            int number = chunk * Each;
            int end = Math.Min(Tasks, number + Each);
            for (int i = 0; i < Sequences && end > 0; i++)
            {
                int rows = Call->Rows(i);
                int blocks = Blocks(rows, BlockRows);
                int here = blocks * KeyHeads;
                for (; number < here && number < end; number++)
                {
                    int first = (blocks - 1 - (number / KeyHeads)) * BlockRows;
                    Call->Run(new AttentionTaskId
                    {
                        Sequence = i,
                        KeyHead = number % KeyHeads,
                        FirstRow = first,
                        Rows = Math.Min(BlockRows, rows - first),
                    });
                }
                number = Math.Max(number - here, 0);
                end -= here;
            }
        }
    }
}
