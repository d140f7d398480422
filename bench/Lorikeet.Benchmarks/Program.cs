using BenchmarkDotNet.Running;
using Lorikeet.Benchmarks;

// dotnet run -c Release --project bench/Lorikeet.Benchmarks -- --filter '*Product*'
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, new KernelPathConfig());
