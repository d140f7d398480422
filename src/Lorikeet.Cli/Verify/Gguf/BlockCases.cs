using System.Text.Json;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Verify;

/// <summary>A folder with blocks.safetensors: bytes of given values, and values of given bytes, for each format in case.json's <c>types</c>.</summary>
internal static class BlockCases
{
    /// <summary>The file that such a folder has.</summary>
    public const string FileName = "blocks.safetensors";

    // Products may be formed in another order.
    private const double Tolerance = 1e-6;

    // A search of ours may choose other codes, with an error at most 5 % above the reference's.
    private const double Slack = 1.05;

    public static void Verify(string folder, CaseReport report)
    {
        using JsonDocument json = SafeJson.ReadObject(Path.Combine(folder, "case.json"));
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, FileName));
        foreach (JsonProperty type in json.RootElement.GetProperty("types").EnumerateObject())
        {
            if (BlockFormat.Find(type.Name) is not { } format)
            {
                report.Unsupported($"the block format {type.Name} is not built: this version has {string.Join(", ", BlockFormat.All.Select(f => f.Name))}");
                continue;
            }
            report.Equal($"{type.Name}: ggml_type", format.Id == type.Value.GetProperty("ggml_type").GetInt32(), $"{format.Id} here");
            report.Equal($"{type.Name}: values_per_block", format.Values == type.Value.GetProperty("values_per_block").GetInt32(), $"{format.Values} here");
            report.Equal($"{type.Name}: bytes_per_block", format.Bytes == type.Value.GetProperty("bytes_per_block").GetInt32(), $"{format.Bytes} here");
            Given(format, file, report);
            Quantised(format, type.Value, file, report);
        }
    }

    // Values of given bytes: tensors TYPE.bytes.NAME and TYPE.quantised.NAME.
    private static void Given(BlockFormat format, SafetensorsFile file, CaseReport report)
    {
        foreach (StoredTensor bytes in file.Tensors)
        {
            string[] parts = bytes.Name.Split('.', 3);
            string? values = parts is [_, "bytes", _] ? "dequantised_bytes" : parts is [_, "quantised", _] ? "dequantised" : null;
            if (values is null || parts[0] != format.Name)
            {
                continue;
            }
            string name = $"{parts[0]}.{values}.{parts[2]}";
            if (!file.TryGet(name, out StoredTensor? stored))
            {
                report.Fail(bytes.Name, $"{FileName} has no {name}");
                continue;
            }
            float[] expected = TensorFiles.Floats(file, stored), got = new float[expected.Length];
            format.Dequantise(file.Bytes(bytes), got);
            report.Each(name, Doubles(got), Doubles(expected), Tolerance, 0);
        }
    }

    private static void Quantised(BlockFormat format, JsonElement type, SafetensorsFile file, CaseReport report)
    {
        Dictionary<string, double> largest = type.GetProperty("largest_error").EnumerateObject().ToDictionary(e => e.Name, e => e.Value.GetDouble());
        foreach (StoredTensor input in file.Tensors.Where(t => t.Name.StartsWith("input.", StringComparison.Ordinal)))
        {
            string name = input.Name["input.".Length..];
            if (!file.TryGet($"{format.Name}.quantised.{name}", out StoredTensor? expected))
            {
                continue;
            }
            float[] values = TensorFiles.Floats(file, input), back = new float[values.Length];
            byte[] got = new byte[expected.ByteLength];
            format.Quantise(values, got);
            format.Dequantise(got, back);
            if (!Searched(format))
            {
                ReadOnlySpan<byte> wanted = file.Bytes(expected);
                int at = wanted.CommonPrefixLength(got);
                report.Equal(expected.Name, at == got.Length, at == got.Length ? "" : $"byte {at} is {got[at]}, {wanted[at]} expected");
            }
            if (largest.TryGetValue(name, out double error))
            {
                // The reference's own error is written with six digits.
                double most = Searched(format) ? Slack * error : error * (1 + 1e-5);
                report.AtMost($"{format.Name}.largest_error.{name}", values.Zip(back, (a, b) => Math.Abs((double)a - b)).Max(), most);
            }
            else
            {
                report.Fail($"{format.Name}.largest_error.{name}", "case.json does not give it");
            }
        }
    }

    private static bool Searched(BlockFormat format) =>
        format.Name.EndsWith("_K", StringComparison.Ordinal) || format.Name.StartsWith("IQ", StringComparison.Ordinal);

    private static double[] Doubles(float[] values) => Array.ConvertAll(values, v => (double)v);
}
