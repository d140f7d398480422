namespace Lorikeet.Cli.Verify;

/// <summary>Walks a folder of reference cases and runs each by the area it lies in.</summary>
internal static class VerifyRunner
{
    /// <summary>One verifier an area; a new area is one line.</summary>
    public static IReadOnlyList<IVerifier> Verifiers { get; } =
    [
        new ModelsVerifier(),
        new AdaptersVerifier(),
        new MethodsVerifier(),
        new TokenizersVerifier(),
        new GgufVerifier(),
        new OptimizersVerifier(),
        new TrainingVerifier(),
        new QuantisationVerifier(),
        new LinalgVerifier(),
        new ChatTemplatesVerifier(),
        new MetricsVerifier(),
    ];

    /// <summary>Runs all cases at or below a path: the root of all areas, an area, a folder inside one, or a case that is a file.</summary>
    /// <param name="path">The folder, or the file.</param>
    /// <param name="stop">Stops between cases.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder, or no area in it or above it.</exception>
    public static IEnumerable<CaseReport> Run(string path, CancellationToken stop)
    {
        string root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (!Path.Exists(root))
        {
            throw new DirectoryNotFoundException($"{path}: there is no such folder or file");
        }
        List<(IVerifier Verifier, string Folder)> areas = Areas(root);
        if (areas.Count == 0)
        {
            throw new DirectoryNotFoundException(
                $"{path}: neither it nor a folder above or in it is named after an area ({string.Join(", ", Verifiers.Select(v => v.Area))})");
        }
        if (File.Exists(root) && !areas[0].Verifier.TakesFiles)
        {
            throw new DirectoryNotFoundException($"{path} is a file; a case of the area {areas[0].Verifier.Area} is a folder: give {Path.GetDirectoryName(path)}");
        }
        return areas.SelectMany(area => Run(area.Verifier, area.Folder, root, stop)).Concat(Unknown(root, areas));
    }

    private static IEnumerable<CaseReport> Run(IVerifier verifier, string folder, string root, CancellationToken stop)
    {
        foreach (string found in File.Exists(folder) ? [folder] : verifier.Cases(folder))
        {
            stop.ThrowIfCancellationRequested();
            string name = Path.GetRelativePath(root, found);
            CaseReport report = new(name == "." ? Path.GetFileName(root) : name);
            try
            {
                verifier.Verify(found, report);
                if (report.Comparisons.Count == 0)
                {
                    report.Fail("-", "the case holds nothing that was compared");
                }
            }
            catch (NotSupportedException e)
            {
                report.Unsupported(Short(e.Message, found));
            }
#pragma warning disable CA1031 // One bad case must not end the run; it is reported as failed.
            catch (Exception e) when (e is not OperationCanceledException)
#pragma warning restore CA1031
            {
                report.Fail("-", Short(e is IOException ? e.Message : $"{e.GetType().Name}: {e.Message}", found));
            }
            yield return report;
        }
    }

    // The case is named already: messages need not repeat where it lies.
    private static string Short(string message, string found) =>
        message.Replace((File.Exists(found) ? Path.GetDirectoryName(found) : found) + Path.DirectorySeparatorChar, "", StringComparison.Ordinal).ReplaceLineEndings(" ");

    // Beside areas that are known, other folders are areas too: nothing is passed over in silence.
    private static IEnumerable<CaseReport> Unknown(string root, List<(IVerifier Verifier, string Folder)> areas)
    {
        if (areas.Any(area => area.Folder == root))
        {
            yield break;
        }
        foreach (string folder in Directory.EnumerateDirectories(root).Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileName(folder);
            if (!name.StartsWith('.') && !Verifiers.Any(v => v.Area == name))
            {
                CaseReport report = new(name);
                report.Unsupported($"the area is not built yet: this version verifies {string.Join(", ", Verifiers.Select(v => v.Area))}");
                yield return report;
            }
        }
    }

    private static List<(IVerifier Verifier, string Folder)> Areas(string root)
    {
        // A folder of several areas is one, wherever it lies; else the nearest folder at or above the path that carries an area's name decides.
        List<(IVerifier Verifier, string Folder)> inside =
        [
            .. from verifier in Verifiers
               let area = Path.Combine(root, verifier.Area)
               where Directory.Exists(area)
               select (verifier, area),
        ];
        if (inside.Count > 1)
        {
            return inside;
        }
        for (string? folder = root; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string name = Path.GetFileName(folder);
            if (Verifiers.FirstOrDefault(v => v.Area == name) is { } verifier)
            {
                return [(verifier, root)];
            }
        }
        return inside;
    }

    /// <summary>The folders at or below one that hold a file, in order of their paths.</summary>
    /// <param name="folder">Where to look.</param>
    /// <param name="file">The file's name.</param>
    public static IEnumerable<string> FoldersWith(string folder, string file)
    {
        IEnumerable<string> all = Directory.EnumerateFiles(folder, file, SearchOption.AllDirectories);
        return all.Select(f => Path.GetDirectoryName(f)!).Order(StringComparer.Ordinal);
    }
}
