namespace Lorikeet.Kernels;

public static unsafe partial class PackedMatrix
{
    /// <summary>The reference of <see cref="Multiply"/>: plain loops over (panel, row, k, lane).</summary>
    internal static void MultiplyScalar(
        float* x, int rows, byte* packed, ElementType type, int outputs, int inputs, float* y, bool accumulate, in Epilogue after)
    {
        ScalarJob job = new()
        {
            X = x,
            Rows = rows,
            Packed = packed,
            Type = type,
            Outputs = outputs,
            Inputs = inputs,
            Y = y,
            Accumulate = accumulate,
            After = after,
            Shrinks = after.Changes is null ? 0 : after.Changes->Begin(KernelVariant.Scalar, PanelCount(outputs)),
        };
        Team.Shared.Run(ref job, job.Shrinks + PanelCount(outputs));
    }

    /// <summary>The reference of <see cref="MultiplyTransposed"/>: plain loops over (input, row, output).</summary>
    internal static void MultiplyTransposedScalar(
        float* dy, int rows, byte* packed, ElementType type, int outputs, int inputs, float* dx, bool accumulate)
    {
        TransposedScalarJob job = new()
        {
            DY = dy,
            Rows = rows,
            Packed = packed,
            Type = type,
            Outputs = outputs,
            Inputs = inputs,
            DX = dx,
            Accumulate = accumulate,
        };
        Team.Shared.Run(ref job, PanelCount(inputs));
    }

    private struct ScalarJob : IJob
    {
        public float* X;
        public int Rows;
        public byte* Packed;
        public ElementType Type;
        public int Outputs;
        public int Inputs;
        public float* Y;
        public bool Accumulate;
        public Epilogue After;
        public int Shrinks;

        public readonly void Execute(int chunk)
        {
            if (chunk < Shrinks)
            {
                After.Changes->Shrink(chunk);
                return;
            }
            int panel = chunk - Shrinks;
            int end = Math.Min(Outputs, (panel + 1) * Lanes);
            for (int r = 0; r < Rows; r++)
            {
                float* x = X + (long)r * Inputs;
                for (int o = panel * Lanes; o < end; o++)
                {
                    float* y = Y + (long)r * Outputs + o;
                    float sum = Accumulate ? *y : 0f;
                    for (int k = 0; k < Inputs; k++)
                    {
                        sum = MathF.FusedMultiplyAdd(x[k], Read(Packed, Type, Inputs, o, k), sum);
                    }
                    *y = sum;
                }
            }
            After.Apply(Y, Outputs, 0, Rows, panel * Lanes, end - (panel * Lanes));
        }
    }

    private struct TransposedScalarJob : IJob
    {
        public float* DY;
        public int Rows;
        public byte* Packed;
        public ElementType Type;
        public int Outputs;
        public int Inputs;
        public float* DX;
        public bool Accumulate;

        public readonly void Execute(int block)
        {
            int end = Math.Min(Inputs, (block + 1) * Lanes);
            for (int r = 0; r < Rows; r++)
            {
                float* dy = DY + (long)r * Outputs;
                for (int i = block * Lanes; i < end; i++)
                {
                    float* dx = DX + (long)r * Inputs + i;
                    float sum = Accumulate ? *dx : 0f;
                    for (int o = 0; o < Outputs; o++)
                    {
                        sum = MathF.FusedMultiplyAdd(dy[o], Read(Packed, Type, Inputs, o, i), sum);
                    }
                    *dx = sum;
                }
            }
        }
    }
}
