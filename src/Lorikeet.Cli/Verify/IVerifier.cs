namespace Lorikeet.Cli.Verify;

/// <summary>Checks the cases of one area through the product's own public code. It knows kinds of cases, never a case by name.</summary>
internal interface IVerifier
{
    /// <summary>The area's folder name, for example <c>models</c>.</summary>
    string Area { get; }

    /// <summary>Whether a case may be a single file; else it is a folder.</summary>
    bool TakesFiles => false;

    /// <summary>The folders (or files, see <see cref="TakesFiles"/>) of cases at or below a folder, in order.</summary>
    /// <param name="folder">A folder inside the area, or the area itself.</param>
    IEnumerable<string> Cases(string folder) => VerifyRunner.FoldersWith(folder, "case.json");

    /// <summary>Compares everything a case holds.</summary>
    /// <param name="folder">The case's folder, or its file.</param>
    /// <param name="report">Takes the comparisons.</param>
    void Verify(string folder, CaseReport report);
}
