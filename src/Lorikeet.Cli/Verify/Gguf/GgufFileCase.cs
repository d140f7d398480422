using System.Globalization;
using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Verify;

/// <summary>A file NAME.gguf with NAME.gguf.json: what gguf-py reads in it; and the file once more, as this library writes it.</summary>
internal static class GgufFileCase
{
    /// <summary>How the sheets' names end.</summary>
    public const string Suffix = ".gguf.json";

    // Sums are of float64 there and here, in another order; they are written with nine digits.
    private const double Tolerance = 1e-6;

    public static void Verify(string path, string sheet, CaseReport report)
    {
        string name = Path.GetFileName(path);
        using JsonDocument json = SafeJson.ReadObject(sheet);
        JsonElement root = json.RootElement;
        using GgufFile file = GgufFile.Open(path);
        Same(report, $"{name}: version", root.GetProperty("version").GetInt32(), file.Version);
        Same(report, $"{name}: alignment", root.GetProperty("alignment").GetInt32(), file.Alignment);
        Same(report, $"{name}: data_offset", root.GetProperty("data_offset").GetInt64(), file.DataOffset);
        JsonProperty[] metadata = [.. root.GetProperty("metadata").EnumerateObject()];
        // In some sheets the alignment stands apart from the other values.
        TokenizersVerifier.Same(report, $"{name}: keys", metadata.Select(m => m.Name), file.Metadata.Keys.Where(k => k != "general.alignment" || metadata.Any(m => m.Name == k)));
        foreach (JsonProperty value in metadata.Where(m => file.Metadata.ContainsKey(m.Name)))
        {
            Metadata($"{name}: {value.Name}", value.Value, file.Metadata[value.Name], report);
        }
        JsonElement[] tensors = [.. root.GetProperty("tensors").EnumerateArray()];
        TokenizersVerifier.Same(report, $"{name}: tensors", tensors.Select(t => t.GetProperty("name").GetString()!), file.Tensors.Select(t => t.Name));
        foreach (JsonElement tensor in tensors)
        {
            if (file.TryGet(tensor.GetProperty("name").GetString()!, out GgufTensor? stored))
            {
                Tensor($"{name}: {stored.Name}", tensor, file, stored, report);
            }
        }
        if (file.Version == 3)
        {
            WriteAgain(name, file, report);
        }
    }

    private static void Metadata(string what, JsonElement expected, GgufValue value, CaseReport report)
    {
        string type = expected.GetProperty("type").GetString()!;
        bool array = type == "ARRAY";
        string element = array ? expected.GetProperty("of").GetString()! : type;
        report.Equal($"{what}: type", (value.Type == GgufValueType.Array) == array && value.Element.ToString().Equals(element, StringComparison.OrdinalIgnoreCase), $"{value.Type} of {value.Element}, {type} of {element} expected");
        if (!array)
        {
            Same(report, what, Expected(expected.GetProperty("value")), Shown(value.Value));
            return;
        }
        string[] found = [.. ((Array)value.Value).Cast<object>().Select(Shown)];
        if (expected.TryGetProperty("count", out JsonElement count))
        {
            Same(report, $"{what}: count", count.GetInt32(), found.Length);
        }
        string[] wanted = [.. expected.GetProperty(expected.TryGetProperty("value", out _) ? "value" : "first").EnumerateArray().Select(Expected)];
        TokenizersVerifier.Same(report, what, wanted, expected.TryGetProperty("value", out _) ? found : found.Take(wanted.Length));
    }

    private static void Tensor(string what, JsonElement expected, GgufFile file, GgufTensor tensor, CaseReport report)
    {
        Same(report, $"{what}: type", expected.GetProperty("type").GetString()!, tensor.TypeName);
        TokenizersVerifier.Same(report, $"{what}: ne", expected.GetProperty("ne").EnumerateArray().Select(e => e.GetInt64()), tensor.Extents);
        Same(report, $"{what}: file_offset", expected.GetProperty("file_offset").GetInt64(), tensor.Offset);
        Same(report, $"{what}: bytes", expected.GetProperty("bytes").GetInt64(), tensor.ByteLength);
        if (expected.TryGetProperty("data_hex", out JsonElement hex))
        {
            Same(report, $"{what}: data_hex", hex.GetString()!, Convert.ToHexStringLower(file.Bytes(tensor)));
        }
        if (!expected.TryGetProperty("sum", out JsonElement sum))
        {
            return;
        }
        float[] values = new float[tensor.Count];
        file.ReadSingle(tensor, 0, values);
        double all = values.Sum(v => Math.Abs((double)v));
        report.Each($"{what}: sum_abs", [all], [expected.GetProperty("sum_abs").GetDouble()], Tolerance, 0);
        report.Each($"{what}: sum", [values.Sum(v => (double)v)], [sum.GetDouble()], 0, Tolerance * all);
        double[] first = [.. expected.GetProperty("first").EnumerateArray().Select(v => v.GetDouble())];
        report.Each($"{what}: first", [.. values.Take(first.Length).Select(v => (double)v)], first, Tolerance, 0);
    }

    private static void WriteAgain(string name, GgufFile file, CaseReport report)
    {
        string copy = Path.Combine(Path.GetTempPath(), $"lorikeet-verify-{Guid.NewGuid():N}.gguf");
        try
        {
            GgufWriter.Write(copy, file.Metadata, [.. file.Tensors.Select(t => new GgufTensorToWrite(t.Name, t.TypeId, t.Extents, to => to.Write(file.Bytes(t))))]);
            byte[] expected = File.ReadAllBytes(file.FilePath), got = File.ReadAllBytes(copy);
            int at = expected.AsSpan().CommonPrefixLength(got);
            report.Equal($"{name}: written again", at == expected.Length && at == got.Length, $"{got.Length} bytes, {expected.Length} expected; they differ from byte {at} on");
        }
        finally
        {
            File.Delete(copy);
        }
    }

    private static string Expected(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => value.GetRawText() is var text && (text.Contains('.', StringComparison.Ordinal) || text.Contains('e', StringComparison.OrdinalIgnoreCase))
            ? value.GetDouble().ToString("R", CultureInfo.InvariantCulture)
            : text,
    };

    private static string Shown(object value) => value switch
    {
        bool truth => truth ? "true" : "false",
        float number => ((double)number).ToString("R", CultureInfo.InvariantCulture),
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static void Same<T>(CaseReport report, string what, T expected, T found) =>
        report.Equal(what, EqualityComparer<T>.Default.Equals(expected, found), $"{found} computed, {expected} expected");
}
