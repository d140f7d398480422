using System.Collections.Concurrent;
using System.Diagnostics;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving;

/// <summary>Reads adapters on threads of its own, so that no step waits for a disk, into memory that was touched before.</summary>
/// <param name="model">The model they are for.</param>
/// <param name="factors">How their low-rank factors are kept.</param>
/// <param name="threads">Threads; 0: each is read by the call that asks for it.</param>
/// <param name="ready">Where their memory comes from; null: nothing is touched ahead.</param>
internal sealed class AdapterLoader(LanguageModel model, FactorStorage factors, int threads, ReadyMemory? ready) : IDisposable
{
    private readonly BlockingCollection<AdapterEntry> wanted = [];
    private readonly ConcurrentQueue<LoadedAdapter> loaded = [];
    private readonly List<Thread> workers = [];
    private int open;
    private long room;

    /// <summary>Called on a loader's thread when an adapter was read, or could not be.</summary>
    public Action? Finished { get; set; }

    /// <summary>Adapters that are being read or wait for it.</summary>
    public int Open => Volatile.Read(ref open);

    /// <summary>True: there is something to take.</summary>
    public bool HasLoaded => !loaded.IsEmpty;

    /// <summary>Asks for an adapter.</summary>
    /// <param name="entry">The adapter.</param>
    /// <param name="free">Bytes that are left for those after it.</param>
    public void Start(AdapterEntry entry, long free)
    {
        Interlocked.Increment(ref open);
        Volatile.Write(ref room, free);
        if (threads == 0)
        {
            Read(entry);
            return;
        }
        if (workers.Count < threads && workers.Count < Open)
        {
            Thread worker = new(() => Team.KeepOff(Work)) { IsBackground = true, Name = $"lorikeet loader {workers.Count + 1}" };
            workers.Add(worker);
            worker.Start();
        }
        wanted.Add(entry);
    }

    /// <summary>Takes the next that was read.</summary>
    public bool TryTake(out LoadedAdapter result)
    {
        if (!loaded.TryDequeue(out result))
        {
            return false;
        }
        Interlocked.Decrement(ref open);
        return true;
    }

    /// <summary>Waits for what is being read, and frees it.</summary>
    public void Dispose()
    {
        wanted.CompleteAdding();
        while (wanted.TryTake(out _))
        {
            Interlocked.Decrement(ref open);
        }
        workers.ForEach(w => w.Join());
        while (TryTake(out LoadedAdapter result))
        {
            result.Adapter?.Dispose();
        }
        wanted.Dispose();
    }

    private void Work()
    {
        while (!wanted.IsCompleted)
        {
            if (wanted.TryTake(out AdapterEntry? entry, Timeout.Infinite))
            {
                Read(entry);
            }
        }
    }

    private void Read(AdapterEntry entry)
    {
        long start = Stopwatch.GetTimestamp();
        Adapter? adapter = null;
        Exception? error = null;
        try
        {
            adapter = entry.Version.Source.Read(entry.Version.Name, model, factors);
            if (!ReferenceEquals(adapter.Model, model))
            {
                throw new InvalidOperationException($"{entry.Version.Source.Place}: the adapter was read for another model");
            }
            adapter.Factors = factors;
            // Here and not in the first step that uses it, where the source did not.
            adapter.Seal();
        }
#pragma warning disable CA1031 // Whatever is wrong with an adapter is the matter of the requests that ask for it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            adapter?.Dispose();
            adapter = null;
            error = e;
        }
        // Once it is handed over, others may free it.
        long bytes = adapter?.FormBytes ?? 0;
        loaded.Enqueue(new LoadedAdapter(entry, adapter, error, Stopwatch.GetElapsedTime(start)));
        Finished?.Invoke();
        ready?.Replace(bytes, Volatile.Read(ref room));
    }
}

/// <summary>What a load brought: an adapter or an error.</summary>
internal readonly record struct LoadedAdapter(AdapterEntry Entry, Adapter? Adapter, Exception? Error, TimeSpan Took);
