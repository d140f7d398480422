using System.Text.Json;
using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Verify;

/// <summary>Checks adapter folders as PEFT writes them, on their tiny bases: one small class for each kind of case.</summary>
internal sealed class AdaptersVerifier : IVerifier
{
    public string Area => "adapters";

    public IEnumerable<string> Cases(string folder)
    {
        IEnumerable<string> bad = new[] { folder }.Concat(Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories))
            .Where(f => BadFolderCase.RowOf(f) is not null);
        return VerifyRunner.FoldersWith(folder, "case.json")
            .Concat(VerifyRunner.FoldersWith(folder, "cases.json"))
            .Concat(VerifyRunner.FoldersWith(folder, "init.json"))
            .Concat(bad)
            .Distinct()
            .Order(StringComparer.Ordinal);
    }

    public void Verify(string folder, CaseReport report)
    {
        if (File.Exists(Path.Combine(folder, "cases.json")))
        {
            MatchingCase.Verify(folder, report);
            return;
        }
        if (File.Exists(Path.Combine(folder, "init.json")))
        {
            InitCase.Verify(folder, report);
            return;
        }
        if (BadFolderCase.RowOf(folder) is { } row)
        {
            BadFolderCase.Verify(folder, row, report);
            return;
        }
        using JsonDocument json = SafeJson.ReadObject(Path.Combine(folder, "case.json"));
        JsonElement root = json.RootElement;
        if (root.TryGetProperty("adapters", out _))
        {
            CombineCase.Verify(folder, root, report);
        }
        else if (root.TryGetProperty("same_as", out _))
        {
            WildCase.Verify(folder, root, report);
        }
        else if (root.TryGetProperty("peft_type", out _) && File.Exists(Path.Combine(folder, "adapter_config.json")))
        {
            AdapterCase.Verify(folder, root, report);
        }
        else if (File.Exists(Path.Combine(folder, "model.safetensors")))
        {
            BaseCase.Verify(folder, root, report);
        }
        else
        {
            throw new NotSupportedException("a case of this kind is not built yet: it is neither an adapter, a base, a combination nor a bad folder");
        }
    }
}
