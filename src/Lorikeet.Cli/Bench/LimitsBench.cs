using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Bench;

/// <summary><c>lorikeet bench limits</c>: what this machine can do at most, and what the product reaches of it.</summary>
internal static class LimitsBench
{
    /// <summary>Prints arithmetic and reading limits on 1..n threads, and the share that matrix products reach.</summary>
    /// <param name="stop">Stops between measurements.</param>
    public static int Run(CancellationToken stop)
    {
        int most = Team.Shared.Threads;
        Console.WriteLine($"kernels: {KernelPath.Current} (available: {string.Join(", ", KernelPath.Available)}), threads: {most}");
        Console.WriteLine($"{"threads",8}" + string.Concat(KernelPath.Available.Select(v => $"{$"{v} FMA GFLOP/s",22}")) + $"{$"{Limits.IntegerPath} int8 GOP/s",22}{"reads GB/s",12}");
        for (int threads = 1; threads <= most; threads++)
        {
            stop.ThrowIfCancellationRequested();
            Console.WriteLine(
                $"{threads,8}" + string.Concat(KernelPath.Available.Select(v => $"{Limits.FmaGflops(threads, v),22:F0}")) +
                $"{Limits.IntegerGops(threads),22:F0}{Limits.ReadGigabytesPerSecond(threads),12:F1}");
        }
        double limit = Limits.FmaGflops(most), reads = Limits.ReadGigabytesPerSecond(most);
        Console.WriteLine();
        Console.WriteLine($"{$"product ({KernelPath.Current})",-34}{"GFLOP/s",10}{"of FMA",9}{"GB/s",8}{"of reads",10}");
        foreach ((int rows, int outputs, int inputs, ElementType type) in (ReadOnlySpan<(int, int, int, ElementType)>)
            [
                (512, 512, 512, ElementType.F32), (1024, 1024, 1024, ElementType.F32), (2048, 2048, 2048, ElementType.F32),
                (256, 1536, 576, ElementType.BF16), (32, 1536, 576, ElementType.BF16), (8, 1536, 576, ElementType.BF16),
                (1, 49152, 576, ElementType.BF16), (1, 49152, 576, ElementType.F32),
            ])
        {
            stop.ThrowIfCancellationRequested();
            using Run run = new();
            using DenseWeight weight = new(new float[outputs * inputs], outputs, inputs, type);
            Tensor x = run.Arena.Zeros(new Shape(rows, inputs)), y = run.Arena.Zeros(new Shape(rows, outputs));
            double seconds = Median.Seconds(() => weight.Multiply(run, new Prepared(x), y), 7, stop);
            double flops = 2.0 * rows * outputs * inputs / seconds / 1e9, bytes = weight.Bytes / seconds / 1e9;
            string name = $"{type} y[{rows},{outputs}] = x W[{outputs},{inputs}]";
            Console.WriteLine($"{name,-34}{flops,10:F0}{flops / limit,9:P0}{bytes,8:F1}{bytes / reads,10:P0}");
        }
        Quantised(limit, Limits.IntegerGops(most), reads, stop);
        return 0;
    }

    // Scales included; the input is coded before.
    private static void Quantised(double fma, double integers, double reads, CancellationToken stop)
    {
        Console.WriteLine();
        Console.WriteLine($"{$"coded product ({Limits.IntegerPath})",-34}{"GOP/s",10}{"of FMA",9}{"of int8",9}{"GB/s",8}{"of reads",10}");
        foreach (BlockPanels panels in BlockPanels.All)
        {
            foreach ((int rows, int outputs, int inputs) in (ReadOnlySpan<(int, int, int)>)[(256, 5632, 2048), (8, 5632, 2048), (1, 49152, 768)])
            {
                stop.ThrowIfCancellationRequested();
                float[] x = new float[rows * inputs], y = new float[rows * outputs];
                byte[] coded = new byte[rows * CodedRows.RowBytes(inputs)], packed = new byte[panels.ByteLength(outputs, inputs)];
                packed.AsSpan().Fill(0x3c);
                CodedRows.Code(x, rows, inputs, coded);
                double seconds = Median.Seconds(() => panels.MultiplyCoded(coded, rows, packed, outputs, inputs, y), 7, stop);
                double operations = 2.0 * rows * outputs * inputs / seconds / 1e9, bytes = packed.Length / seconds / 1e9;
                string name = $"{panels.Format.Name} y[{rows},{outputs}] = x W[{outputs},{inputs}]";
                Console.WriteLine($"{name,-34}{operations,10:F0}{operations / fma,9:P0}{operations / integers,9:P0}{bytes,8:F1}{bytes / reads,10:P0}");
            }
        }
    }
}
