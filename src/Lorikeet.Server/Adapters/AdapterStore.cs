using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lorikeet.Server;

/// <summary>Uploads become versions: received, checked, renamed into place; the registry's row comes last. Uploads of one name come one after the other.</summary>
internal sealed partial class AdapterStore(Registry registry, AdapterDirectory directory, AdapterUpload upload, AdapterCheck check, ServerOptions options, ILogger<AdapterStore> logger)
{
    // An upload writes all the time, and becomes a version at once when it is whole.
    private static readonly TimeSpan Abandoned = TimeSpan.FromMinutes(10);

    /// <summary>Names that are being uploaded.</summary>
    public NameGates Gates { get; } = new();

    /// <summary>Takes an upload.</summary>
    /// <returns>The adapter, and whether the name is new.</returns>
    public async Task<(AdapterRecord Adapter, bool Created)> PutAsync(HttpContext http, Caller caller, string tenant, string name, string? ifMatch, bool onlyNew, CancellationToken stop)
    {
        using IDisposable gate = await Gates.EnterAsync(tenant, name, stop);
        try
        {
            Check(registry.Snapshot.Find(tenant, name));
            // Before a byte of the body is asked for.
            (long adapters, long stored) = registry.Snapshot.Owned(tenant);
            Quota(caller, () => adapters, () => stored, registry.Snapshot.Find(tenant, name) is null, Math.Max(0, (http.Request.ContentLength ?? 0) - 4096));
            (string temporary, string hash, long bytes) = await upload.ReceiveAsync(http, tenant, stop);
            // A folder of its own for every upload: files of a version that is being swept away are never taken for its.
            string folder = Path.Combine(options.Store!, AdapterNames.Folder(tenant), AdapterNames.Folder(name), $"{hash}-{Guid.NewGuid():N}");
            bool kept = false;
            try
            {
                (string kind, int rank) = await Task.Run(() => check.Run(temporary), stop);
                Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
                // Should the process be killed between this and the version's row, the files go like those of a deleted version.
                await registry.NoteGarbageAsync(folder, Abandoned);
                Directory.Move(temporary, folder);
                // Whatever else goes wrong while the registry writes, the row may be there: then the files stay.
                kept = true;
                StoredVersion version = new("", 0, hash, kind, rank, bytes, directory.BaseName, registry.Now, folder, Managed: true);
                (AdapterRecord Adapter, bool Created) result = await registry.WriteAsync(writer =>
                {
                    AdapterRecord? known = writer.Find(tenant, name);
                    Check(known);
                    if (known is null)
                    {
                        Quota(caller, () => writer.Adapters(tenant), () => writer.Bytes(tenant), newName: true, bytes);
                        writer.Create(tenant, name, version, pinned: false);
                        return (writer.Find(tenant, name)!, true);
                    }
                    if (known.Versions.FirstOrDefault(v => v.Hash == hash) is { } same)
                    {
                        writer.Activate(known, same);
                    }
                    else
                    {
                        Quota(caller, () => writer.Adapters(tenant), () => writer.Bytes(tenant), newName: false, bytes);
                        writer.Append(known, version, options.Limits.Versions);
                    }
                    return (writer.Find(tenant, name)!, false);
                });
                kept = result.Adapter.Versions.Any(v => v.Folder == folder);
                return result;
            }
            catch (ApiException)
            {
                kept = false;
                throw;
            }
            finally
            {
                foreach (string left in (string[])[temporary, folder])
                {
                    if (!kept)
                    {
                        Discard(left);
                    }
                }
            }
        }
        catch (Exception e) when (e is (IOException and not BadHttpRequestException and not Models.Files.BadFileException) or UnauthorizedAccessException)
        {
            Failed(logger, http.TraceIdentifier, e.Message);
            throw StorageFaults.OfStore(e);
        }

        void Check(AdapterRecord? known)
        {
            if (known is not null && known.Name != name)
            {
                throw ApiException.Bad("name", "name_taken", $"'{name}' is another name of an adapter; take that away first");
            }
            if (onlyNew && known is not null)
            {
                throw ApiException.Precondition($"'{name}' exists; If-None-Match: * asks for a new name");
            }
            if (ifMatch is not null && known?.Active.Hash != ifMatch)
            {
                throw ApiException.Precondition($"the active version of '{name}' is {known?.Active.Hash ?? "none"}; If-Match asks for {ifMatch}");
            }
        }
    }

    /// <summary>Deletes files that nobody needs any more, and uploads that a process left behind when it was killed.</summary>
    public async Task SweepAsync()
    {
        if (Directory.Exists(options.Store))
        {
            foreach (string upload in Directory.EnumerateDirectories(options.Store).SelectMany(t => Directory.EnumerateDirectories(t, AdapterUpload.Prefix + "*")))
            {
                if (DateTime.UtcNow - Directory.EnumerateFiles(upload).Select(File.GetLastWriteTimeUtc).Append(Directory.GetLastWriteTimeUtc(upload)).Max() > Abandoned)
                {
                    Discard(upload);
                }
            }
        }
        foreach (string folder in await registry.GarbageAsync())
        {
            Discard(folder);
            await registry.ForgetGarbageAsync(folder);
        }
    }

    // A version's folder goes as it came, at once: under its name it is whole or absent, whenever the process may be killed.
    private static void Discard(string folder)
    {
        try
        {
            if (!Path.GetFileName(folder).StartsWith(AdapterUpload.Prefix, StringComparison.Ordinal))
            {
                string going = Path.Combine(Path.GetDirectoryName(Path.GetDirectoryName(folder)!)!, $"{AdapterUpload.Prefix}{Guid.NewGuid():N}");
                Directory.Move(folder, going);
                folder = going;
            }
            Directory.Delete(folder, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // It is gone: another server of this store sweeps, too.
            return;
        }
    }

    // What the tenant has is counted where a limit asks for it.
    private static void Quota(Caller caller, Func<long> adapters, Func<long> stored, bool newName, long bytes)
    {
        if (newName && caller.Limits.MaxAdapters is { } most && adapters() is var count && count >= most)
        {
            throw ApiException.Forbidden("adapter_quota_exceeded", $"the tenant has {count} adapters; its limit is {most}");
        }
        if (caller.Limits.Bytes is { } room && stored() is var taken && taken + bytes > room)
        {
            throw ApiException.Forbidden("adapter_quota_exceeded", $"the tenant stores {taken} bytes and the upload has {bytes}; its limit is {room}");
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Request}: the store failed: {Reason}")]
    private static partial void Failed(ILogger logger, string request, string reason);
}
