using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using Lorikeet.Training;

namespace Lorikeet.Mpi;

/// <summary>The processes that mpirun started.</summary>
/// <remarks>
/// A sum: each rank owns a part of the numbers, gets that part from all others, adds in the order of the ranks and sends the result to all; few numbers are
/// sent whole to everyone. So the order is fixed whatever the network does, and each number travels twice for any count of ranks. A rank that waits looks
/// now and then whether the others on its machine still live.
/// </remarks>
public sealed unsafe class MpiRanks : IRanks
{
    // Below this one trip of everything is faster than two of parts.
    private const int SmallBytes = 8192;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(20), SpinFor = TimeSpan.FromMilliseconds(2);
    private readonly MpiLibrary mpi;
    private readonly (long Machine, int Process)[] peers;
    private readonly nint[] requests;
    private byte[] inbox = [];
    private int tag;

    private MpiRanks(MpiLibrary mpi)
    {
        this.mpi = mpi;
        requests = new nint[2 * (mpi.Count - 1)];
        peers = new (long, int)[mpi.Count];
        peers = Introduce();
    }

    /// <inheritdoc/>
    public int Rank => mpi.Rank;

    /// <inheritdoc/>
    public int Count => mpi.Count;

    /// <inheritdoc/>
    public int Writer { get; private set; }

    /// <summary>Whether this process was started by mpirun, beside others.</summary>
    public static bool IsStarted =>
        int.TryParse(Environment.GetEnvironmentVariable("OMPI_COMM_WORLD_SIZE"), NumberStyles.None, CultureInfo.InvariantCulture, out int size) && size > 1;

    /// <summary>Joins the other processes, where mpirun started this one beside others; else returns null and loads nothing.</summary>
    /// <exception cref="NotSupportedException">There is no Open MPI library.</exception>
    public static MpiRanks? Join() => IsStarted ? new MpiRanks(new MpiLibrary()) : null;

    /// <inheritdoc/>
    public void Sum(Span<float> values) => SumOf(values);

    /// <inheritdoc/>
    public void Sum(Span<double> values) => SumOf(values);

    /// <summary>Leaves the others at the end, all together; a process that failed just ends, and mpirun sees it.</summary>
    public void Leave() => mpi.Leave();

    private void SumOf<T>(Span<T> values)
        where T : unmanaged, INumber<T>
    {
        Grow((long)values.Length * sizeof(T) * Count);
        fixed (T* own = values)
        fixed (byte* box = inbox)
        {
            if ((long)values.Length * sizeof(T) <= SmallBytes)
            {
                SumWhole(own, (T*)box, values.Length);
            }
            else
            {
                SumParts(own, (T*)box, values.Length);
            }
        }
    }

    /// <summary>Everyone gets everything, and adds for itself.</summary>
    private void SumWhole<T>(T* own, T* box, int length)
        where T : unmanaged, INumber<T>
    {
        int bytes = length * sizeof(T);
        Exchange(rank => ((nint)own, bytes), rank => ((nint)(box + ((long)rank * length)), bytes));
        new Span<T>(own, length).CopyTo(new Span<T>(box + ((long)Rank * length), length));
        Add(box, own, length);
    }

    /// <summary>Each rank adds its part, then everyone gets all parts.</summary>
    private void SumParts<T>(T* own, T* box, int length)
        where T : unmanaged, INumber<T>
    {
        int first = Start(Rank, length), mine = Start(Rank + 1, length) - first;
        Exchange(rank => Part(own, rank, length), rank => ((nint)(box + ((long)rank * mine)), mine * sizeof(T)));
        new Span<T>(own + first, mine).CopyTo(new Span<T>(box + ((long)Rank * mine), mine));
        Add(box, own + first, mine);
        Exchange(rank => Part(own, Rank, length), rank => Part(own, rank, length));
    }

    private int Start(int rank, int length) => (int)((long)length * rank / Count);

    private (nint At, int Bytes) Part<T>(T* all, int rank, int length)
        where T : unmanaged =>
        ((nint)(all + Start(rank, length)), (Start(rank + 1, length) - Start(rank, length)) * sizeof(T));

    /// <summary>to = box[0] + box[1] + ..., in this order.</summary>
    private void Add<T>(T* box, T* to, int length)
        where T : unmanaged, INumber<T>
    {
        Span<T> sum = new(to, length);
        new Span<T>(box, length).CopyTo(sum);
        for (int rank = 1; rank < Count; rank++)
        {
            ReadOnlySpan<T> next = new(box + ((long)rank * length), length);
            int i = 0;
            for (; i <= length - Vector<T>.Count; i += Vector<T>.Count)
            {
                (new Vector<T>(sum[i..]) + new Vector<T>(next[i..])).CopyTo(sum[i..]);
            }
            for (; i < length; i++)
            {
                sum[i] += next[i];
            }
        }
    }

    /// <summary>Sends to and receives from every other rank.</summary>
    private void Exchange(Func<int, (nint At, int Bytes)> outgoing, Func<int, (nint At, int Bytes)> incoming)
    {
        // Tags tell one exchange from the next; the standard promises 15 bits.
        tag = (tag + 1) & 0x7fff;
        int count = 0;
        for (int i = 1; i < Count; i++)
        {
            int from = (Rank + Count - i) % Count, to = (Rank + i) % Count;
            (nint at, int bytes) = incoming(from);
            requests[count++] = mpi.Receive((byte*)at, bytes, from, tag);
            (at, bytes) = outgoing(to);
            requests[count++] = mpi.Send((byte*)at, bytes, to, tag);
        }
        Wait();
    }

    private void Wait()
    {
        long began = Stopwatch.GetTimestamp(), looked = began;
        while (!mpi.AreDone(requests))
        {
            // An exchange takes microseconds and moves only while it is asked for: giving the core away at once would cost a time slice each. A rank that is
            // later than that is in the middle of its step.
            if (Stopwatch.GetElapsedTime(began) < SpinFor)
            {
                Thread.SpinWait(10);
                continue;
            }
            Thread.Yield();
            if (Stopwatch.GetElapsedTime(looked) > LookEvery)
            {
                Look();
                looked = Stopwatch.GetTimestamp();
            }
        }
    }

    private void Look()
    {
        for (int rank = 0; rank < Count; rank++)
        {
            if (rank != Rank && peers[rank].Machine == peers[Rank].Machine && !Lives(peers[rank].Process))
            {
                Writer = Enumerable.Range(0, Count).First(r => peers[r].Machine != peers[Rank].Machine || Lives(peers[r].Process));
                throw new RanksLostException($"rank {rank} of {Count} (process {peers[rank].Process}) is gone");
            }
        }
    }

    /// <summary>Whether a process runs: one that ended, and was not yet waited for, does not.</summary>
    private static bool Lives(int process)
    {
        if (process == 0)
        {
            return true;
        }
        try
        {
            string stat = File.ReadAllText($"/proc/{process.ToString(CultureInfo.InvariantCulture)}/stat");
            // "pid (name) S ...": the name may hold anything, also brackets.
            int end = stat.LastIndexOf(')');
            return end < 0 || end + 2 >= stat.Length || stat[end + 2] is not ('Z' or 'X');
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            // A process that ends while its entry is read.
            return false;
        }
    }

    /// <summary>Tells all ranks on which machine this one runs, and as which process.</summary>
    private (long Machine, int Process)[] Introduce()
    {
        long machine = 17;
        foreach (char c in Environment.MachineName)
        {
            machine = (machine * 31) + c;
        }
        // In float64 whole numbers up to 2^53 are exact.
        double[] all = new double[2 * Count];
        all[2 * Rank] = machine & ((1L << 52) - 1);
        all[(2 * Rank) + 1] = Environment.ProcessId;
        Sum(all);
        return [.. Enumerable.Range(0, Count).Select(r => ((long)all[2 * r], (int)all[(2 * r) + 1]))];
    }

    private void Grow(long bytes)
    {
        if (inbox.Length < bytes)
        {
            inbox = GC.AllocateUninitializedArray<byte>(checked((int)bytes), pinned: true);
        }
    }
}
