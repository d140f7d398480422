using System.Security.Cryptography;
using Lorikeet.Adapters;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Lorikeet.Server;

/// <summary>Takes an adapter's files from a multipart body to disk as they come: checked, hashed, flushed; nothing stays of a broken upload.</summary>
internal sealed class AdapterUpload(ServerOptions options)
{
    /// <summary>How the folders of uploads under way begin.</summary>
    public const string Prefix = ".upload-";

    private const int MostHeaders = 16;
    private static readonly string[] Pickles = [".bin", ".pt", ".pth", ".ckpt", ".pkl"];

    /// <summary>Reads the parts into a temporary folder.</summary>
    /// <returns>The folder, which the caller moves or deletes; the hash; the bytes.</returns>
    public async Task<(string Folder, string Hash, long Bytes)> ReceiveAsync(HttpContext http, string tenant, CancellationToken stop)
    {
        if (!MediaTypeHeaderValue.TryParse(http.Request.ContentType, out MediaTypeHeaderValue? type) || !type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase)
            || HeaderUtilities.RemoveQuotes(type.Boundary).Value is not { Length: > 0 and <= 200 } boundary)
        {
            throw new ApiException(415, ErrorTypes.Request, null, null, "expected multipart/form-data with a boundary, its parts named after the adapter's files");
        }
        if (http.Request.ContentLength > options.Limits.UploadBytes)
        {
            throw RequestBody.TooLarge(http, options.Limits.UploadBytes);
        }
        string folder = Path.Combine(options.Store!, AdapterNames.Folder(tenant), $"{Prefix}{Guid.NewGuid():N}");
        Directory.CreateDirectory(folder);
        try
        {
            MultipartReader reader = new(boundary, http.Request.Body) { HeadersCountLimit = MostHeaders, HeadersLengthLimit = 4096 };
            Dictionary<string, string> hashes = [];
            long bytes = 0;
            while (await NextAsync(reader, stop) is { } section)
            {
                string name = PartName(section, hashes);
                (string hash, long length) = await SaveAsync(http, section.Body, Path.Combine(folder, name), name, options.Limits.UploadBytes - bytes, stop);
                hashes[name] = hash;
                bytes += length;
            }
            foreach (string needed in (string[])[AdapterFolder.ConfigName, AdapterFolder.WeightsName])
            {
                if (!hashes.ContainsKey(needed))
                {
                    throw AdapterCheck.Invalid(needed, $"the part '{needed}' is missing");
                }
            }
            return (folder, AdapterFiles.Combine(hashes), bytes);
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    private static async Task<MultipartSection?> NextAsync(MultipartReader reader, CancellationToken stop)
    {
        try
        {
            return await reader.ReadNextSectionAsync(stop);
        }
        catch (Exception e) when (e is InvalidDataException || (e is IOException && e is not BadHttpRequestException))
        {
            throw AdapterCheck.Invalid(null, "the multipart body is broken or cut off");
        }
    }

    private static string PartName(MultipartSection section, Dictionary<string, string> seen)
    {
        if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out ContentDispositionHeaderValue? disposition))
        {
            throw AdapterCheck.Invalid(null, "a part has no name");
        }
        string name = HeaderUtilities.RemoveQuotes(disposition.Name).Value ?? "";
        string file = HeaderUtilities.RemoveQuotes(disposition.FileName).Value ?? name;
        string shown = new([.. name.Take(100).Select(c => char.IsControl(c) ? ' ' : c)]);
        if (Pickles.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase) || Pickles.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase))
        {
            throw AdapterCheck.Pickle(shown);
        }
        if (!AdapterFiles.Names.Contains(name) || (file != name && file.AsSpan().ContainsAny("/\\:")) || file.Contains("..", StringComparison.Ordinal))
        {
            throw AdapterCheck.Invalid(shown, $"the part '{shown}' is no file of an adapter; expected {string.Join(", ", AdapterFiles.Names)}, no archives, no folders");
        }
        if (seen.ContainsKey(name))
        {
            throw AdapterCheck.Invalid(name, $"the part '{name}' comes twice");
        }
        return (seen.Count == 0) == (name == AdapterFolder.ConfigName)
            ? name
            : throw AdapterCheck.Invalid(name, $"the parts are out of order: {AdapterFolder.ConfigName} comes first");
    }

    private static async Task<(string Hash, long Length)> SaveAsync(HttpContext http, Stream from, string path, string name, long most, CancellationToken stop)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 16];
        long length = 0;
        await using FileStream file = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, useAsync: true);
        while (true)
        {
            int read;
            try
            {
                read = await from.ReadAsync(buffer, stop);
            }
            catch (Exception e) when (e is InvalidDataException || (e is IOException && e is not BadHttpRequestException))
            {
                throw AdapterCheck.Invalid(name, "the multipart body is broken or cut off");
            }
            if (read == 0)
            {
                break;
            }
            if (length == 0 && AdapterCheck.IsPickle(buffer.AsSpan(0, read)))
            {
                throw AdapterCheck.Pickle(name);
            }
            length += read;
            if (length > most)
            {
                throw RequestBody.TooLarge(http, most);
            }
            hash.AppendData(buffer, 0, read);
            await file.WriteAsync(buffer.AsMemory(0, read), stop);
        }
        file.Flush(flushToDisk: true);
        return (Convert.ToHexStringLower(hash.GetHashAndReset()), length);
    }
}
