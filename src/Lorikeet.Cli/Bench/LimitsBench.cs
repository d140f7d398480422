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
        Console.WriteLine($"{"threads",8}" + string.Concat(KernelPath.Available.Select(v => $"{$"{v} FMA GFLOP/s",22}")) + $"{"reads GB/s",12}");
        for (int threads = 1; threads <= most; threads++)
        {
            stop.ThrowIfCancellationRequested();
            Console.WriteLine(
                $"{threads,8}" + string.Concat(KernelPath.Available.Select(v => $"{Limits.FmaGflops(threads, v),22:F0}")) + $"{Limits.ReadGigabytesPerSecond(threads),12:F1}");
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
        return 0;
    }
}
