using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Bench;

/// <summary><c>lorikeet bench limits</c>: what this machine can do at most, and what the product reaches of it.</summary>
internal sealed class LimitsBench(bool json)
{
    private const int Runs = 5;

    private readonly TextWriter table = json ? TextWriter.Null : Console.Out;
    private readonly JsonArray limits = [], products = [];

    /// <summary>Prints arithmetic and reading limits on 1..n threads, and the share that matrix products reach.</summary>
    /// <param name="stop">Stops between measurements.</param>
    public int Run(CancellationToken stop)
    {
        int most = Team.Shared.Threads;
        table.WriteLine($"kernels: {KernelPath.Current} (available: {string.Join(", ", KernelPath.Available)}), threads: {most}");
        table.WriteLine($"{"threads",8}" + string.Concat(KernelPath.Available.Select(v => $"{$"{v} FMA GFLOP/s",22}")) + $"{$"{Limits.IntegerPath} int8 GOP/s",22}{"reads GB/s",12}");
        for (int threads = 1; threads <= most; threads++)
        {
            stop.ThrowIfCancellationRequested();
            double[] fma = [.. KernelPath.Available.Select(v => Limits.FmaGflops(threads, v))];
            double integers = Limits.IntegerGops(threads), read = Limits.ReadGigabytesPerSecond(threads);
            table.WriteLine($"{threads,8}" + string.Concat(fma.Select(f => $"{f,22:F0}")) + $"{integers,22:F0}{read,12:F1}");
            JsonObject one = new() { ["threads"] = threads, ["int8_gops"] = integers, ["reads_gb_per_s"] = read };
            foreach ((KernelVariant variant, double rate) in KernelPath.Available.Zip(fma))
            {
                one[$"fma_gflops_{variant.ToString().ToLowerInvariant()}"] = rate;
            }
            limits.Add(one);
        }
        double limit = Limits.FmaGflops(most), reads = Limits.ReadGigabytesPerSecond(most);
        table.WriteLine();
        table.WriteLine($"{$"product ({KernelPath.Current})",-34}{"GFLOP/s",10}{"of FMA",9}{"GB/s",8}{"of reads",10}");
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
            double seconds = Median.Seconds(() => weight.Multiply(run, new Prepared(x), y), Runs, stop);
            double flops = 2.0 * rows * outputs * inputs / seconds / 1e9, bytes = weight.Bytes / seconds / 1e9;
            string name = $"{type} y[{rows},{outputs}] = x W[{outputs},{inputs}]";
            table.WriteLine($"{name,-34}{flops,10:F0}{flops / limit,9:P0}{bytes,8:F1}{bytes / reads,10:P0}");
            products.Add(Product(type.ToString(), rows, outputs, inputs, seconds, weight.Bytes));
        }
        Quantised(limit, Limits.IntegerGops(most), reads, stop);
        if (json)
        {
            Console.WriteLine(new JsonObject { ["kernels"] = KernelPath.Current.ToString(), ["limits"] = limits, ["products"] = products }.ToJsonString());
        }
        return 0;
    }

    // Scales included; the input is coded before.
    private void Quantised(double fma, double integers, double reads, CancellationToken stop)
    {
        table.WriteLine();
        table.WriteLine($"{$"coded product ({Limits.IntegerPath})",-34}{"GOP/s",10}{"of FMA",9}{"of int8",9}{"GB/s",8}{"of reads",10}");
        foreach (BlockPanels panels in BlockPanels.All)
        {
            foreach ((int rows, int outputs, int inputs) in (ReadOnlySpan<(int, int, int)>)[(256, 5632, 2048), (8, 5632, 2048), (1, 49152, 768)])
            {
                stop.ThrowIfCancellationRequested();
                float[] x = new float[rows * inputs], y = new float[rows * outputs];
                byte[] coded = new byte[rows * CodedRows.RowBytes(inputs)], packed = new byte[panels.ByteLength(outputs, inputs)];
                packed.AsSpan().Fill(0x3c);
                CodedRows.Code(x, rows, inputs, coded);
                double seconds = Median.Seconds(() => panels.MultiplyCoded(coded, rows, packed, outputs, inputs, y), Runs, stop);
                double operations = 2.0 * rows * outputs * inputs / seconds / 1e9, bytes = packed.Length / seconds / 1e9;
                string name = $"{panels.Format.Name} y[{rows},{outputs}] = x W[{outputs},{inputs}]";
                table.WriteLine($"{name,-34}{operations,10:F0}{operations / fma,9:P0}{operations / integers,9:P0}{bytes,8:F1}{bytes / reads,10:P0}");
                products.Add(Product(panels.Format.Name, rows, outputs, inputs, seconds, packed.Length));
            }
        }
    }

    private static JsonObject Product(string type, int rows, int outputs, int inputs, double seconds, long bytes) =>
        new() { ["type"] = type, ["rows"] = rows, ["outputs"] = outputs, ["inputs"] = inputs, ["seconds"] = seconds, ["bytes"] = bytes };
}
