using System.Security.Cryptography;
using System.Text;
using Lorikeet.Adapters;

namespace Lorikeet.Server;

/// <summary>The files of an adapter and the hash over them.</summary>
internal static class AdapterFiles
{
    public const string Template = "chat_template.jinja";
    public const string Generation = "generation_config.json";

    /// <summary>The files that count, ordered by name.</summary>
    public static IReadOnlyList<string> Names { get; } = [AdapterFolder.ConfigName, AdapterFolder.WeightsName, Template, Generation];

    /// <summary>SHA-256 over the lines <c>FILENAME SP hex LF</c>, sorted.</summary>
    public static string Combine(IEnumerable<KeyValuePair<string, string>> hashes)
    {
        StringBuilder lines = new();
        foreach ((string name, string hex) in hashes.OrderBy(h => h.Key, StringComparer.Ordinal))
        {
            lines.Append(name).Append(' ').Append(hex).Append('\n');
        }
        return "sha256-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines.ToString())));
    }

    /// <summary>Hash and bytes of a folder's files.</summary>
    public static async Task<(string Hash, long Bytes)> HashAsync(string folder, CancellationToken stop)
    {
        List<KeyValuePair<string, string>> hashes = [];
        long bytes = 0;
        foreach (string name in Names)
        {
            string path = Path.Combine(folder, name);
            if (File.Exists(path))
            {
                await using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, useAsync: true);
                bytes += file.Length;
                hashes.Add(new(name, Convert.ToHexStringLower(await SHA256.HashDataAsync(file, stop))));
            }
        }
        return (Combine(hashes), bytes);
    }
}
