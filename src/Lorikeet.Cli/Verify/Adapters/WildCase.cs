using System.Text.Json;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Verify;

/// <summary>A folder as an older release or another tool wrote it: it must give the function of another case, or be refused where it may be.</summary>
internal static class WildCase
{
    public static void Verify(string folder, JsonElement root, CaseReport report)
    {
        string should = root.GetProperty("should").GetString()!;
        AdapterMethods.Of(AdapterFolder.ReadConfig(folder), Path.Combine(folder, AdapterFolder.ConfigName));
        string baseName = root.GetProperty("base").GetString()!;
        string baseFolder = AdapterGolden.BaseFolder(folder, baseName);
        using LanguageModel model = ModelLoader.Load(baseFolder);
        TrainedAdapter adapter;
        try
        {
            adapter = AdapterFolder.Load(folder, model, baseName: baseName);
        }
        catch (BadFileException e) when (should.Contains("else refuse", StringComparison.Ordinal) || should.StartsWith("refuse", StringComparison.Ordinal))
        {
            report.Equal("refused, as it may be", !e.Message.Contains('\n', StringComparison.Ordinal), "the message has more than one line");
            return;
        }
        using (adapter)
        {
            string own = Path.Combine(folder, root.GetProperty("golden").GetString()!);
            Dictionary<string, float[]> golden = AdapterGolden.Tensors(
                File.Exists(own) ? own : Path.Combine(Path.GetDirectoryName(baseFolder)!, root.GetProperty("golden").GetString()!));
            int[][] inputs = AdapterGolden.Ids(root.GetProperty("inputs").GetProperty("input_ids"));
            AdapterCase.Function(model, adapter, golden, inputs, AdapterGolden.Tolerance(root, "logits_rel", 1e-4), report);
            if (should.Contains("warn", StringComparison.Ordinal))
            {
                report.Equal("a warning", adapter.Warnings.Count > 0, "there is none; expected one");
            }
            string saved = Directory.CreateTempSubdirectory("lorikeet-verify-").FullName;
            try
            {
                AdapterFolder.Save(adapter, saved);
                RoundTripCheck.Configs(saved, folder, report);
                using TrainedAdapter again = AdapterFolder.Load(saved, model);
                report.Equal(
                    "saved and loaded",
                    AdapterGolden.Logits(model, again, inputs[0]).AsSpan().SequenceEqual(AdapterGolden.Logits(model, adapter, inputs[0])),
                    "the logits differ in bits");
            }
            finally
            {
                Directory.Delete(saved, recursive: true);
            }
        }
    }
}
