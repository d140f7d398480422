#pragma warning disable CA1051 // Records of pointers that kernels index: fields, as in every job struct.

namespace Lorikeet.Kernels;

/// <summary>
/// What is done to a product's results while the thread that made them still has them in its caches: <c>y = f(scale o (y + changes) + bias) + residual</c>, with a gate
/// <c>y = f(gate) o (scale o (y + changes) + bias) + residual</c>.
/// </summary>
/// <remarks>
/// Each part may be absent; <c>default</c> does nothing. Each step rounds as it does in a pass of its own (<see cref="Elementwise"/>), so that the bits are those of the
/// product and the passes one after the other. Pointers stay valid and pinned for the call, and what they point to is not written by it, but for a gate that the
/// call's first part makes.
/// </remarks>
public unsafe struct Epilogue
{
    /// <summary>Low-rank changes, added first; null: none. One record serves all products of a job.</summary>
    public LowRankChanges* Changes;

    /// <summary>The site of <see cref="Changes"/> that this product is.</summary>
    public int Site;

    /// <summary>[outputs], or null: added.</summary>
    public float* Bias;

    /// <summary>Rows with a scale or a bias of their own, ascending; null: none.</summary>
    public EpilogueRows* Own;

    /// <summary>How many <see cref="Own"/> are.</summary>
    public int OwnCount;

    /// <summary>f.</summary>
    public ActivationKind Activation;

    /// <summary>[rows, outputs], or null: f is applied to it, and the result multiplies y.</summary>
    public float* Gate;

    /// <summary>[rows, outputs], or null: added last.</summary>
    public float* Residual;

    /// <summary>[rows] of <see cref="CodedRows"/>, or null: y is coded to 8 bits at the end, beside y itself. Only for whole blocks of outputs.</summary>
    /// <remarks>Products with coded rows take it (<see cref="BlockPanels.MultiplyCodedTogether"/>); others leave it to <see cref="Apply(Span{float}, int)"/>.</remarks>
    public byte* Coded;

    /// <summary>True where there is nothing to do.</summary>
    public readonly bool IsNone => Changes is null && Bias is null && Own is null && Activation == ActivationKind.None && Gate is null && Residual is null && Coded is null;

    /// <summary>Does it in a pass of its own, for products that cannot.</summary>
    /// <param name="y">[rows, outputs], in place.</param>
    /// <param name="outputs">Columns.</param>
    /// <exception cref="ArgumentException"><paramref name="y"/> holds no whole rows.</exception>
    public readonly void Apply(Span<float> y, int outputs)
    {
        int rows = RowArguments.Rows(y, outputs);
        if (IsNone)
        {
            return;
        }
        fixed (float* to = y)
        {
            if (Changes is not null)
            {
                LowRankJob shrinks = new() { Changes = Changes };
                Team.Shared.Run(ref shrinks, Changes->Begin(KernelPath.Current, 1));
            }
            Kernel kernel = new() { Epilogue = this, Y = to, Outputs = outputs };
            RowTeam.Run(ref kernel, rows, outputs);
        }
    }

    /// <summary>Does it to some rows of some columns, on this thread.</summary>
    /// <param name="y">[rows, outputs], all of it.</param>
    /// <param name="outputs">Columns of y.</param>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="column">The first column.</param>
    /// <param name="columns">How many.</param>
    internal readonly void Apply(float* y, int outputs, int row, int rows, int column, int columns)
    {
        float* to = y + ((long)row * outputs) + column;
        long at = to - y;
        if (Changes is not null)
        {
            Changes->Expand(Site, y, outputs, row, rows, column, columns);
        }
        if (Own is not null)
        {
            ScaleAndShift(y, outputs, row, rows, column, columns);
        }
        else if (Bias is not null)
        {
            Map.Rows(default(AddOperator), Bias + column, 0, to, outputs, rows, columns);
        }
        if (Gate is not null)
        {
            Elementwise.GateHere(Activation, Gate + at, to, outputs, rows, columns);
        }
        else
        {
            Elementwise.ActivateHere(Activation, to, outputs, rows, columns);
        }
        if (Residual is not null)
        {
            Map.Rows(default(AddOperator), Residual + at, outputs, to, outputs, rows, columns);
        }
        if (Coded is not null)
        {
            byte* codes = Coded + ((long)row * CodedRows.RowBytes(outputs)) + CodedRows.RowBytes(column);
            for (int r = 0; r < rows; r++, to += outputs, codes += CodedRows.RowBytes(outputs))
            {
                CodedRows.CodeBlocks(to, columns, codes, KernelPath.UseAvx2);
            }
        }
    }

    private readonly void ScaleAndShift(float* y, int outputs, int row, int rows, int column, int columns)
    {
        EpilogueRows* own = Own, end = own + OwnCount;
        for (int r = row; r < row + rows; r++)
        {
            float* to = y + ((long)r * outputs) + column, bias = Bias;
            while (own < end && r >= own->Row + own->Rows)
            {
                own++;
            }
            if (own < end && r >= own->Row)
            {
                if (own->Scale is not null)
                {
                    Map.Run(default(MultiplyOperator), to, own->Scale + column, to, columns);
                }
                bias = own->Bias is null ? bias : own->Bias;
            }
            if (bias is not null)
            {
                Map.Run(default(AddOperator), to, bias + column, to, columns);
            }
        }
    }

    private struct LowRankJob : IJob
    {
        public LowRankChanges* Changes;

        public readonly void Execute(int chunk) => Changes->Shrink(chunk);
    }

    private struct Kernel : IRowKernel
    {
        public Epilogue Epilogue;
        public float* Y;
        public int Outputs;

        public readonly void Row(int row) => Epilogue.Apply(Y, Outputs, row, 1, 0, Outputs);
    }
}

/// <summary>Consecutive rows with a scale or a bias of their own.</summary>
public unsafe struct EpilogueRows
{
    /// <summary>The first row.</summary>
    public int Row;

    /// <summary>How many.</summary>
    public int Rows;

    /// <summary>[outputs], or null: multiplies the product.</summary>
    public float* Scale;

    /// <summary>[outputs], or null: takes the place of the bias of all rows.</summary>
    public float* Bias;
}
