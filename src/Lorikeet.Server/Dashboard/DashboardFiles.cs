using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary>The dashboard's files, which are resources of this assembly: nothing is read from disk, nothing fetched from elsewhere.</summary>
internal static class DashboardFiles
{
    private const string Prefix = "dashboard/";

    /// <summary>The page runs its own script, has its own style and talks to its own server; nobody frames it.</summary>
    public const string Policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

    private static readonly FrozenDictionary<string, Page> Files = Read().ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Their names.</summary>
    public static IEnumerable<string> Names => Files.Keys;

    /// <summary>Answers with a file, or 304 where the client has it.</summary>
    /// <exception cref="ApiException">404: there is no such file.</exception>
    public static async Task AnswerAsync(HttpContext http, string name)
    {
        if (!Files.TryGetValue(name, out Page? page))
        {
            throw ApiException.NotFound(null, null, "the dashboard has no such file");
        }
        IHeaderDictionary headers = http.Response.Headers;
        headers.ETag = page.Tag;
        // Names do not change with content: browsers ask, and mostly hear 304.
        headers.CacheControl = "no-cache";
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        if (http.Request.Headers.IfNoneMatch.ToString().Split(',').Any(t => t.Trim() is var tag && (tag == page.Tag || tag == "W/" + page.Tag || tag == "*")))
        {
            http.Response.StatusCode = 304;
            return;
        }
        http.Response.ContentType = page.Type;
        http.Response.ContentLength = page.Bytes.Length;
        await http.Response.Body.WriteAsync(page.Bytes, http.RequestAborted);
    }

    private static IEnumerable<KeyValuePair<string, Page>> Read()
    {
        Assembly assembly = typeof(DashboardFiles).Assembly;
        foreach (string resource in assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            using Stream stream = assembly.GetManifestResourceStream(resource)!;
            byte[] bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            string name = resource[Prefix.Length..];
            yield return new(name, new Page(bytes, $"\"{Convert.ToHexStringLower(SHA256.HashData(bytes))[..32]}\"", TypeOf(name)));
        }
    }

    private static string TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        _ => "application/octet-stream",
    };

    private sealed record Page(byte[] Bytes, string Tag, string Type);
}
