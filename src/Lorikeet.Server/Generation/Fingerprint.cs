using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Lorikeet.Kernels;
using Lorikeet.Models;

namespace Lorikeet.Server;

/// <summary><c>fp_</c> and 16 hexadecimal digits over all that answers depend on beside the request: build, run time, kernels, base, adapter.</summary>
internal sealed class Fingerprint
{
    private readonly string machine;

    public Fingerprint(LanguageModel model, int context, string modelHash)
    {
        machine = string.Join(
            '\n',
            typeof(Fingerprint).Assembly.ManifestModule.ModuleVersionId, typeof(LanguageModel).Assembly.ManifestModule.ModuleVersionId, typeof(Softmax).Assembly.ManifestModule.ModuleVersionId,
            RuntimeInformation.FrameworkDescription, RuntimeInformation.OSDescription, RuntimeInformation.RuntimeIdentifier, RuntimeInformation.ProcessArchitecture,
            Environment.GetEnvironmentVariable("LORIKEET_KERNELS"), System.Runtime.Intrinsics.X86.Avx512F.IsSupported, System.Runtime.Intrinsics.X86.Avx2.IsSupported,
            modelHash, model.Config.MaxPositions, context);
    }

    public string Of(AdapterBinding adapter) =>
        "fp_" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(machine + "\n" + adapter.Identity)))[..16];

    /// <summary>A hash of the base's files' names, sizes and headers, and the format its weights are kept in: files of gigabytes are not read whole for it.</summary>
    public static string OfModel(string place, string? format)
    {
        StringBuilder text = new(format);
        string[] files = Directory.Exists(place) ? [.. Directory.EnumerateFiles(place).Order(StringComparer.Ordinal)] : [place];
        byte[] head = new byte[1 << 16];
        foreach (string file in files)
        {
            using FileStream stream = File.OpenRead(file);
            int read = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
            text.Append('\n').Append(Path.GetFileName(file)).Append(' ').Append(stream.Length).Append(' ').Append(Convert.ToHexStringLower(SHA256.HashData(head.AsSpan(0, read))));
        }
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
