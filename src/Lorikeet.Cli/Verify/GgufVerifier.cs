namespace Lorikeet.Cli.Verify;

/// <summary>Area <c>gguf</c>: quantised blocks.</summary>
internal sealed class GgufVerifier : IVerifier
{
    /// <inheritdoc/>
    public string Area => "gguf";

    /// <inheritdoc/>
    public IEnumerable<string> Cases(string folder) =>
        VerifyRunner.FoldersWith(folder, "case.json").Where(f => File.Exists(Path.Combine(f, BlockCases.FileName)));

    /// <inheritdoc/>
    public void Verify(string folder, CaseReport report) => BlockCases.Verify(folder, report);
}
