using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Verify;

/// <summary>Checks what happens after the logits: a cases.json whose cases say by their fields what they are.</summary>
internal static class GenerationVerifier
{
    /// <summary>The file that holds the cases of a folder.</summary>
    public const string FileName = "cases.json";

    /// <summary>Compares all cases of a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="report">Takes the comparisons.</param>
    public static void Verify(string folder, CaseReport report)
    {
        string path = Path.Combine(folder, FileName);
        using JsonDocument json = SafeJson.ReadObject(path);
        if (!json.RootElement.TryGetProperty("cases", out JsonElement cases) || cases.ValueKind != JsonValueKind.Array)
        {
            throw new BadFileException($"{path} has no list \"cases\"; expected one object a case.");
        }
        using SamplingVerifier sampling = new(folder);
        foreach (JsonElement one in cases.EnumerateArray())
        {
            string name = one.GetProperty("name").GetString()!;
            try
            {
                if (one.TryGetProperty("pieces_hex", out _))
                {
                    StopVerifier.Verify(name, one, report);
                }
                else if (one.TryGetProperty("logits", out _))
                {
                    sampling.Verify(name, one, report);
                }
                else if (one.TryGetProperty("settings", out JsonElement settings) && settings.TryGetProperty("num_beams", out _))
                {
                    BeamVerifier.Verify(name, one, folder, report);
                }
                else
                {
                    report.Fail(name, "neither a sampling case (logits), nor a stop case (pieces_hex), nor a beam search (settings.num_beams)");
                }
            }
            catch (NotSupportedException e)
            {
                report.Unsupported($"{name}: {e.Message}");
            }
        }
    }
}
