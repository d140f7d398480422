using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Lorikeet.Server;

/// <summary>Disks that are full and databases that are away, as answers: the request was right, and the server says honestly that it cannot do it now.</summary>
internal static class StorageFaults
{
    private const int NoSpace = 28, OverQuota = 122, WindowsDiskFull = unchecked((int)0x80070070), WindowsHandleDiskFull = unchecked((int)0x80070027);
    private const int SqliteFull = 13;

    /// <summary>The answer to a fault of the registry's database.</summary>
    public static ApiException OfDatabase(DbException fault) =>
        fault is SqliteException { SqliteErrorCode: SqliteFull } or PostgresException { SqlState: PostgresErrorCodes.DiskFull }
            ? Full("the registry's disk is full; nothing was changed")
            : ApiException.Unavailable("service_unavailable", "the registry cannot be reached; requests for what is known go on, changes do not");

    /// <summary>The answer to a fault of the store's file system.</summary>
    public static ApiException OfStore(Exception fault) =>
        IsFull(fault)
            ? Full("the store's disk is full; nothing was kept")
            : ApiException.Unavailable("service_unavailable", "the store cannot be written; nothing was kept");

    private static bool IsFull(Exception fault) => fault is IOException && fault.HResult is NoSpace or OverQuota or WindowsDiskFull or WindowsHandleDiskFull;

    private static ApiException Full(string message) => new(503, ErrorTypes.Server, "storage_full", null, message) { Repeatable = false, RetrySeconds = 60 };
}
