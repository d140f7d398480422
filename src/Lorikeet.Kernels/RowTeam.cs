namespace Lorikeet.Kernels;

/// <summary>What a row kernel does to one row, whatever the others hold.</summary>
internal interface IRowKernel
{
    void Row(int row);
}

/// <summary>Divides the rows of a kernel over the team.</summary>
internal static unsafe class RowTeam
{
    /// <summary>Elements below which waking the helpers costs more than they save.</summary>
    private const long Worthwhile = 20_000;

    /// <summary>Elements of one chunk.</summary>
    private const int Grain = 4_096;

    /// <summary>Runs the kernel on each of <paramref name="rows"/> rows, about <paramref name="width"/> elements of work each.</summary>
    public static void Run<TKernel>(ref TKernel kernel, int rows, int width)
        where TKernel : unmanaged, IRowKernel
    {
        if ((long)rows * width <= Worthwhile)
        {
            for (int i = 0; i < rows; i++)
            {
                kernel.Row(i);
            }
            return;
        }
        fixed (TKernel* pointer = &kernel)
        {
            int each = Math.Max(1, Grain / width);
            RowJob<TKernel> job = new() { Kernel = pointer, Rows = rows, Each = each };
            Team.Shared.Run(ref job, (rows + each - 1) / each);
        }
    }

    private struct RowJob<TKernel> : IJob
        where TKernel : unmanaged, IRowKernel
    {
        public TKernel* Kernel;
        public int Rows;
        public int Each;

        public readonly void Execute(int chunk)
        {
            int end = Math.Min(Rows, (chunk + 1) * Each);
            for (int i = chunk * Each; i < end; i++)
            {
                Kernel->Row(i);
            }
        }
    }
}
