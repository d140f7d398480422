using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Lorikeet.Kernels;

/// <summary>Work that a <see cref="Team"/> divides into numbered chunks; a struct of pointers and numbers, so that starting it allocates nothing.</summary>
public interface IJob
{
    /// <summary>
    /// Computes one chunk. Chunks run on any thread, each exactly once, and are begun in ascending order: a chunk may wait for those before it, which are done or under way.
    /// </summary>
    /// <param name="chunk">The number of the chunk, from 0.</param>
    void Execute(int chunk);
}

/// <summary>The worker team: the calling thread and n-1 others that run the chunks of one job together.</summary>
/// <remarks>
/// Helpers spin for about 60 microseconds after a job and park then. A job ends when its chunks are done: helpers that are still asleep, or that
/// the system has not scheduled, are not waited for. Chunks are claimed one by one from a shared counter, because virtual
/// cores are unequal. A job started inside a job, or while another thread's job runs, is computed by its caller alone: results never depend
/// on the number of threads, so this is only slower.
/// </remarks>
public sealed unsafe class Team : IDisposable
{
    private const int MostThreads = 256;
    // Longer than what a decode step's caller does alone between two jobs: waking a parked helper takes as long again.
    private static readonly long SpinTicks = Stopwatch.Frequency / 16_000;
    private static Team shared = new(DefaultThreads());

    private readonly Thread[] helpers;
    private readonly SemaphoreSlim[] wake;
    private readonly Lock gate = new();
    private Counters counters;
    private void* job;
    private delegate*<void*, int, void> execute;
    private int chunks;
    private volatile bool stopping;
    private Exception? failure;

    /// <summary>Starts a team.</summary>
    /// <param name="threads">Threads in all, the caller's included; 1 runs every job on the caller.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 1 or more than 256 threads.</exception>
    public Team(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, MostThreads);
        Threads = threads;
        helpers = new Thread[threads - 1];
        wake = new SemaphoreSlim[threads - 1];
        for (int i = 0; i < helpers.Length; i++)
        {
            int index = i;
            wake[i] = new SemaphoreSlim(0);
            helpers[i] = new Thread(() => Help(index)) { IsBackground = true, Name = $"lorikeet-{i + 1}" };
            helpers[i].Start();
        }
    }

    /// <summary>The process's team: <c>LORIKEET_THREADS</c> threads, or one for each processor.</summary>
    public static Team Shared => shared;

    /// <summary>Threads in all, the caller's included.</summary>
    public int Threads { get; }

    /// <summary>Jobs that were shared with helpers so far: each is one barrier.</summary>
    public long Barriers => Interlocked.Read(ref counters.Barriers);

    /// <summary>Replaces the process's team, for a command's <c>--threads</c> and for tests.</summary>
    /// <param name="threads">Threads in all.</param>
    public static void Use(int threads)
    {
        if (threads == shared.Threads)
        {
            return;
        }
        Team old = Interlocked.Exchange(ref shared, new Team(threads));
        old.Dispose();
    }

    /// <summary>Runs <c>job.Execute(0) ... job.Execute(chunks - 1)</c> on the team and returns when all are done.</summary>
    /// <param name="work">The job; it is not copied, so what Execute writes to its fields is seen by all.</param>
    /// <param name="count">Number of chunks; 0 does nothing.</param>
    /// <exception cref="AggregateException">A chunk threw; the first exception is inside.</exception>
    public void Run<TJob>(ref TJob work, int count)
        where TJob : unmanaged, IJob
    {
        if (count <= 1 || helpers.Length == 0 || keepsOff || !gate.TryEnter())
        {
            for (int i = 0; i < count; i++)
            {
                work.Execute(i);
            }
            return;
        }
        try
        {
            if (insideJob)
            {
                for (int i = 0; i < count; i++)
                {
                    work.Execute(i);
                }
                return;
            }
            fixed (TJob* pointer = &work)
            {
                RunShared(pointer, &Call<TJob>, count);
            }
        }
        finally
        {
            gate.Exit();
        }
    }

    /// <summary>Runs work whose jobs this thread computes alone: what is done in the background must not hold the helpers of those who wait for a step.</summary>
    /// <param name="work">The work.</param>
    public static void KeepOff(Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        keepsOff = true;
        try
        {
            work();
        }
        finally
        {
            keepsOff = false;
            ThreadScratch.Release();
        }
    }

    [ThreadStatic]
    private static bool keepsOff;

    [ThreadStatic]
    private static bool insideJob;

    private static void Call<TJob>(void* pointer, int chunk)
        where TJob : unmanaged, IJob => ((TJob*)pointer)->Execute(chunk);

    private void RunShared(void* pointer, delegate*<void*, int, void> call, int count)
    {
        job = pointer;
        execute = call;
        chunks = count;
        failure = null;
        counters.Next = 0;
        counters.Barriers++;
        // Open before the epoch, or a quick helper would find the job closed. Full fences: who sees them sees the job, and who parked is seen here.
        Interlocked.Exchange(ref counters.Open, 1);
        Interlocked.Increment(ref counters.Epoch);
        for (int i = 0; i < helpers.Length; i++)
        {
            if (Volatile.Read(ref counters.Parked) != 0)
            {
                wake[i].Release();
            }
        }
        insideJob = true;
        try
        {
            Work();
        }
        finally
        {
            insideJob = false;
        }
        // Closed first, then counted: a helper counts itself in first and looks then, so that one of both sees the other.
        Interlocked.Exchange(ref counters.Open, 0);
        SpinWait spin = default;
        while (Volatile.Read(ref counters.Busy) != 0)
        {
            // Chunks are short; yielding the processor early matters only where there are more threads than cores.
            spin.SpinOnce(sleep1Threshold: -1);
        }
        if (failure is not null)
        {
            throw new AggregateException(failure);
        }
    }

    private void Work()
    {
        try
        {
            int chunk;
            while ((chunk = Interlocked.Increment(ref counters.Next) - 1) < chunks)
            {
                execute(job, chunk);
            }
        }
#pragma warning disable CA1031 // The caller's thread rethrows it: a helper thread that died would end the process.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Interlocked.CompareExchange(ref failure, e, null);
            Volatile.Write(ref counters.Next, chunks);
        }
    }

    private void Help(int index)
    {
        insideJob = true;
        long seen = 0;
        while (true)
        {
            // About 60 microseconds of spinning, then park until the next job.
            long start = Stopwatch.GetTimestamp();
            while (Volatile.Read(ref counters.Epoch) == seen && !stopping && Stopwatch.GetTimestamp() - start < SpinTicks)
            {
                Thread.SpinWait(1);
            }
            if (Volatile.Read(ref counters.Epoch) == seen && !stopping)
            {
                Interlocked.Increment(ref counters.Parked);
                while (Volatile.Read(ref counters.Epoch) == seen && !stopping)
                {
                    wake[index].Wait();
                }
                Interlocked.Decrement(ref counters.Parked);
            }
            if (stopping)
            {
                ThreadScratch.Release();
                return;
            }
            seen = Volatile.Read(ref counters.Epoch);
            Interlocked.Increment(ref counters.Busy);
            if (Volatile.Read(ref counters.Open) != 0)
            {
                Work();
            }
            Interlocked.Decrement(ref counters.Busy);
        }
    }

    /// <summary>Ends the helpers; a running job is finished first.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            stopping = true;
            for (int i = 0; i < helpers.Length; i++)
            {
                wake[i].Release();
            }
        }
        for (int i = 0; i < helpers.Length; i++)
        {
            helpers[i].Join();
            wake[i].Dispose();
        }
    }

    private static int DefaultThreads()
    {
        string? text = Environment.GetEnvironmentVariable("LORIKEET_THREADS");
        return int.TryParse(text, out int threads) && threads is >= 1 and <= MostThreads
            ? threads
            : Math.Clamp(Environment.ProcessorCount, 1, MostThreads);
    }

    // Each counter on its own pair of cache lines: helpers poll one while the caller writes another.
    [StructLayout(LayoutKind.Explicit, Size = 768)]
    private struct Counters
    {
        [FieldOffset(128)]
        public long Epoch;

        [FieldOffset(256)]
        public int Next;

        [FieldOffset(384)]
        public int Busy;

        [FieldOffset(512)]
        public int Parked;

        [FieldOffset(520)]
        public long Barriers;

        // 1 while chunks may be claimed.
        [FieldOffset(640)]
        public int Open;
    }
}
