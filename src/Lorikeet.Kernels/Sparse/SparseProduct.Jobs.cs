using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

public static unsafe partial class SparseProduct
{
    /// <summary>Below this number of rows each is multiplied as it lies.</summary>
    private const int FewRows = 6;

    /// <summary>Rows that are transposed together: four vectors.</summary>
    private const int Block = 32;

    /// <summary>Rows that are transposed together for a gradient.</summary>
    private const int SampleBlock = 128;

    /// <summary>Outputs of one chunk.</summary>
    private const int OutputGrain = 128;

    /// <summary>The matrix, and both sides of a product.</summary>
    private struct Job
    {
        public float* X, Y, Values;
        public int* Starts, Columns;
        public int Rows, Outputs, Inputs;
    }

    private struct FewRowsJob : IJob
    {
        public Job Job;

        public readonly void Execute(int chunk)
        {
            int last = Math.Min(Job.Outputs, (chunk + 1) * OutputGrain);
            for (int row = 0; row < Job.Rows; row++)
            {
                float* x = Job.X + ((long)row * Job.Inputs), y = Job.Y + ((long)row * Job.Outputs);
                for (int o = chunk * OutputGrain; o < last; o++)
                {
                    float sum = 0f;
                    for (int e = Job.Starts[o]; e < Job.Starts[o + 1]; e++)
                    {
                        sum = MathF.FusedMultiplyAdd(Job.Values[e], x[Job.Columns[e]], sum);
                    }
                    y[o] += sum;
                }
            }
        }
    }

    private struct ForwardJob : IJob
    {
        public Job Job;

        public readonly void Execute(int chunk)
        {
            int first = chunk * Block, rows = Math.Min(Block, Job.Rows - first);
            float* x = (float*)ThreadScratch.Take((nuint)((long)(Job.Inputs + (2 * Job.Outputs)) * Block * sizeof(float)));
            float* sums = x + ((long)Job.Inputs * Block), turned = sums + ((long)Job.Outputs * Block);
            Transpose(Job.X + ((long)first * Job.Inputs), Job.Inputs, rows, Job.Inputs, x, Block);
            for (int o = 0; o < Job.Outputs; o++)
            {
                Vector256<float> a = default, b = default, c = default, d = default;
                for (int e = Job.Starts[o]; e < Job.Starts[o + 1]; e++)
                {
                    Vector256<float> value = Vector256.Create(Job.Values[e]);
                    float* from = x + ((long)Job.Columns[e] * Block);
                    a = Vector256.FusedMultiplyAdd(value, Vector256.Load(from), a);
                    b = Vector256.FusedMultiplyAdd(value, Vector256.Load(from + 8), b);
                    c = Vector256.FusedMultiplyAdd(value, Vector256.Load(from + 16), c);
                    d = Vector256.FusedMultiplyAdd(value, Vector256.Load(from + 24), d);
                }
                float* to = sums + ((long)o * Block);
                a.Store(to);
                b.Store(to + 8);
                c.Store(to + 16);
                d.Store(to + 24);
            }
            Transpose(sums, Block, Job.Outputs, rows, turned, Job.Outputs);
            AddTo(Job.Y + ((long)first * Job.Outputs), turned, (long)rows * Job.Outputs);
        }
    }

    private struct BackwardJob : IJob
    {
        public Job Job;

        public readonly void Execute(int chunk)
        {
            int first = chunk * Block, rows = Math.Min(Block, Job.Rows - first);
            float* dy = (float*)ThreadScratch.Take((nuint)((long)(Job.Outputs + (2 * Job.Inputs)) * Block * sizeof(float)));
            float* sums = dy + ((long)Job.Outputs * Block), turned = sums + ((long)Job.Inputs * Block);
            Transpose(Job.Y + ((long)first * Job.Outputs), Job.Outputs, rows, Job.Outputs, dy, Block);
            new Span<float>(sums, Job.Inputs * Block).Clear();
            for (int o = 0; o < Job.Outputs; o++)
            {
                float* from = dy + ((long)o * Block);
                Vector256<float> a = Vector256.Load(from), b = Vector256.Load(from + 8), c = Vector256.Load(from + 16), d = Vector256.Load(from + 24);
                for (int e = Job.Starts[o]; e < Job.Starts[o + 1]; e++)
                {
                    Vector256<float> value = Vector256.Create(Job.Values[e]);
                    float* to = sums + ((long)Job.Columns[e] * Block);
                    Vector256.FusedMultiplyAdd(value, a, Vector256.Load(to)).Store(to);
                    Vector256.FusedMultiplyAdd(value, b, Vector256.Load(to + 8)).Store(to + 8);
                    Vector256.FusedMultiplyAdd(value, c, Vector256.Load(to + 16)).Store(to + 16);
                    Vector256.FusedMultiplyAdd(value, d, Vector256.Load(to + 24)).Store(to + 24);
                }
            }
            Transpose(sums, Block, Job.Inputs, rows, turned, Job.Inputs);
            AddTo(Job.X + ((long)first * Job.Inputs), turned, (long)rows * Job.Inputs);
        }
    }

    /// <summary>Chunk 0 turns x, chunk 1 dy.</summary>
    private struct TransposeJob : IJob
    {
        public float* X, XTo, Y, YTo;
        public int Inputs, Outputs, Rows;

        public readonly void Execute(int chunk)
        {
            if (chunk == 0)
            {
                Transpose(X, Inputs, Rows, Inputs, XTo, SampleBlock);
            }
            else
            {
                Transpose(Y, Outputs, Rows, Outputs, YTo, SampleBlock);
            }
        }
    }

    private struct SampleJob : IJob
    {
        public float* X, Y, Gradient;
        public int* Starts, Columns;
        public int Outputs, Rows;

        public readonly void Execute(int chunk)
        {
            int last = Math.Min(Outputs, (chunk + 1) * OutputGrain);
            for (int o = chunk * OutputGrain; o < last; o++)
            {
                float* dy = Y + ((long)o * SampleBlock);
                for (int e = Starts[o]; e < Starts[o + 1]; e++)
                {
                    float* x = X + ((long)Columns[e] * SampleBlock);
                    Vector256<float> sums = default;
                    int i = 0;
                    for (; i + 8 <= Rows; i += 8)
                    {
                        sums = Vector256.FusedMultiplyAdd(Vector256.Load(dy + i), Vector256.Load(x + i), sums);
                    }
                    float sum = Vector256.Sum(sums);
                    for (; i < Rows; i++)
                    {
                        sum = MathF.FusedMultiplyAdd(dy[i], x[i], sum);
                    }
                    Gradient[e] += sum;
                }
            }
        }
    }

    private static void Transpose(float* from, int fromStride, int rows, int columns, float* to, int toStride)
    {
        if (KernelPath.UseAvx2)
        {
            Transposes.Copy(from, fromStride, rows, columns, to, toStride);
            return;
        }
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                to[((long)c * toStride) + r] = from[((long)r * fromStride) + c];
            }
        }
    }

    private static void AddTo(float* to, float* from, long count)
    {
        long i = 0;
        for (; i + 8 <= count; i += 8)
        {
            (Vector256.Load(to + i) + Vector256.Load(from + i)).Store(to + i);
        }
        for (; i < count; i++)
        {
            to[i] += from[i];
        }
    }
}
