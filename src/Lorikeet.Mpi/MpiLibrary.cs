using System.Runtime.InteropServices;

namespace Lorikeet.Mpi;

/// <summary>The few functions of Open MPI that are used, found at run time: nothing here is linked, and without mpirun nothing is loaded.</summary>
/// <remarks>
/// Handles are Open MPI's: the world is the address of a symbol, a request is a pointer (MPICH's are numbers). Everything travels as bytes, so all ranks
/// must be machines of one byte order.
/// </remarks>
internal sealed unsafe class MpiLibrary
{
    private const string Name = "libmpi.so.40";
    private const int ThreadSerialized = 2;
    private readonly nint library;
    private readonly nint world;
    private readonly nint bytes;
    private readonly delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint*, int> send;
    private readonly delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint*, int> receive;
    private readonly delegate* unmanaged[Cdecl]<int, nint*, int*, void*, int> testAll;

    /// <summary>Loads the library and joins the world; once a process.</summary>
    /// <exception cref="NotSupportedException">There is no such library, or it is not Open MPI 4 or later.</exception>
    public MpiLibrary()
    {
        if (!NativeLibrary.TryLoad(Name, out library))
        {
            throw new NotSupportedException($"started under mpirun, but {Name} cannot be loaded; install Open MPI (Debian: openmpi-bin, libopenmpi3)");
        }
        world = Find("ompi_mpi_comm_world");
        bytes = Find("ompi_mpi_byte");
        send = (delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint*, int>)Find("MPI_Isend");
        receive = (delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint*, int>)Find("MPI_Irecv");
        testAll = (delegate* unmanaged[Cdecl]<int, nint*, int*, void*, int>)Find("MPI_Testall");
        int provided, rank, size;
        // One thread at a time calls, not always the same one.
        Check(((delegate* unmanaged[Cdecl]<void*, void*, int, int*, int>)Find("MPI_Init_thread"))(null, null, ThreadSerialized, &provided), "MPI_Init_thread");
        Check(((delegate* unmanaged[Cdecl]<nint, int*, int>)Find("MPI_Comm_rank"))(world, &rank), "MPI_Comm_rank");
        Check(((delegate* unmanaged[Cdecl]<nint, int*, int>)Find("MPI_Comm_size"))(world, &size), "MPI_Comm_size");
        // Errors come back as codes instead of ending the process.
        Check(((delegate* unmanaged[Cdecl]<nint, nint, int>)Find("MPI_Comm_set_errhandler"))(world, Find("ompi_mpi_errors_return")), "MPI_Comm_set_errhandler");
        Rank = rank;
        Count = size;
    }

    /// <summary>This process' number.</summary>
    public int Rank { get; }

    /// <summary>How many processes there are.</summary>
    public int Count { get; }

    /// <summary>Begins to send bytes; they must stay as they are until the request is done.</summary>
    public nint Send(byte* from, int count, int to, int tag)
    {
        nint request;
        Check(send(from, count, bytes, to, tag, world, &request), "MPI_Isend");
        return request;
    }

    /// <summary>Begins to receive exactly so many bytes.</summary>
    public nint Receive(byte* to, int count, int from, int tag)
    {
        nint request;
        Check(receive(to, count, bytes, from, tag, world, &request), "MPI_Irecv");
        return request;
    }

    /// <summary>Whether all requests are done; then they are freed.</summary>
    public bool AreDone(Span<nint> requests)
    {
        int done;
        fixed (nint* pointer = requests)
        {
            Check(testAll(requests.Length, pointer, &done, null), "MPI_Testall");
        }
        return done != 0;
    }

    /// <summary>Leaves the world; all ranks do so together.</summary>
    public void Leave() => Check(((delegate* unmanaged[Cdecl]<int>)Find("MPI_Finalize"))(), "MPI_Finalize");

    private nint Find(string symbol) => NativeLibrary.TryGetExport(library, symbol, out nint address)
        ? address
        : throw new NotSupportedException($"{Name} has no {symbol}: this version works with Open MPI 4 or later");

    private static void Check(int code, string what)
    {
        if (code != 0)
        {
            throw new IOException($"{what} failed with code {code}");
        }
    }
}
