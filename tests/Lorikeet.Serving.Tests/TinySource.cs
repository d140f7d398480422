using System.Collections.Concurrent;
using Lorikeet.Models;

namespace Lorikeet.Serving.Tests;

/// <summary>Adapters of <see cref="TinyModel"/> by number, read as if from files, and counted.</summary>
internal sealed class TinySource(int number, Func<Task>? before = null) : AdapterSource
{
    private static readonly ConcurrentDictionary<(LanguageModel, int), long> sizes = [];
    private int reads;

    /// <summary>How often it was read.</summary>
    public int Reads => Volatile.Read(ref reads);

    /// <summary>What reading it ends with instead of an adapter.</summary>
    public Exception? Error { get; set; }

    public override string Place => $"tiny {number}";

    /// <summary>What it says it needs; 0: nothing is known before it was read.</summary>
    public long Estimate { get; init; }

    public override long EstimateBytes() => Estimate;

    public override Adapter Read(string name, LanguageModel model, FactorStorage factors)
    {
        Interlocked.Increment(ref reads);
        before?.Invoke().GetAwaiter().GetResult();
        return Error is null ? TinyModel.Adapter(model, number) : throw Error;
    }

    /// <summary>Bytes that an adapter takes in memory.</summary>
    public static long Bytes(LanguageModel model, int number) => sizes.GetOrAdd((model, number), key =>
    {
        using Adapter adapter = TinyModel.Adapter(key.Item1, key.Item2);
        adapter.Seal();
        return adapter.Bytes;
    });

    public static AdapterVersion Version(int number) => new($"adapter-{number}", new TinySource(number));
}
