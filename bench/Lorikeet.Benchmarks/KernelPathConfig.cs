using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Environments;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using Lorikeet.Kernels;

namespace Lorikeet.Benchmarks;

/// <summary>One job for each kernel variant this machine can run; the scalar reference is the baseline of every ratio.</summary>
/// <remarks>The variant is fixed when a process starts (<see cref="KernelPath"/>), so each job is a process of its own.</remarks>
internal sealed class KernelPathConfig : ManualConfig
{
    public KernelPathConfig()
    {
        ArtifactsPath = Path.Combine("artifacts", "benchmarks");
        AddLogger(ConsoleLogger.Default);
        AddExporter(MarkdownExporter.GitHub);
        AddColumnProvider(DefaultColumnProviders.Instance);
        AddColumn(new RateColumn());
        AddDiagnoser(new MemoryDiagnoser(new MemoryDiagnoserConfig(displayGenColumns: false)));
        HideColumns("EnvironmentVariables", "Error", "StdDev", "RatioSD", "Alloc Ratio", "Runtime", "Median");
        foreach (KernelVariant variant in KernelPath.Available)
        {
            string name = variant.ToString().ToLowerInvariant();
            Job job = Job.Default
                .WithId(name)
                .WithRuntime(CoreRuntime.Core10_0)
                .WithEnvironmentVariable("LORIKEET_KERNELS", name)
                .WithIterationCount(5)
                .WithWarmupCount(2)
                .WithIterationTime(Perfolizer.Horology.TimeInterval.FromMilliseconds(100));
            AddJob(variant == KernelVariant.Scalar ? job.AsBaseline() : job);
        }
    }
}
