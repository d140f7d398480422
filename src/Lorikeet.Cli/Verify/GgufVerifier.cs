namespace Lorikeet.Cli.Verify;

/// <summary>Area <c>gguf</c>: folders of blocks, and folders of files with what other readers and llama.cpp's models make of them.</summary>
internal sealed class GgufVerifier : IVerifier
{
    /// <inheritdoc/>
    public string Area => "gguf";

    /// <inheritdoc/>
    public IEnumerable<string> Cases(string folder) =>
        VerifyRunner.FoldersWith(folder, "case.json").Concat(VerifyRunner.FoldersWith(folder, "*" + GgufFileCase.Suffix)).Distinct().Order(StringComparer.Ordinal);

    /// <inheritdoc/>
    public void Verify(string folder, CaseReport report)
    {
        if (File.Exists(Path.Combine(folder, BlockCases.FileName)))
        {
            BlockCases.Verify(folder, report);
        }
        foreach (string sheet in Directory.EnumerateFiles(folder, "*" + GgufFileCase.Suffix).Order(StringComparer.Ordinal))
        {
            GgufFileCase.Verify(sheet[..^".json".Length], sheet, report);
        }
        if (File.Exists(Path.Combine(folder, "case.json")) && File.Exists(Path.Combine(folder, "golden.safetensors")))
        {
            GgufModelCase.Verify(folder, report);
        }
        if (File.Exists(Path.Combine(folder, GgufLoraCase.FileName)))
        {
            GgufLoraCase.Verify(folder, report);
        }
    }
}
