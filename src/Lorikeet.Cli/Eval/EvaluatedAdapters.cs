using Lorikeet.Adapters;
using Lorikeet.Models;

namespace Lorikeet.Cli.Eval;

/// <summary>Who is evaluated: the bare model, unless it is left out, and adapters.</summary>
internal sealed class EvaluatedAdapters : IDisposable
{
    private readonly List<TrainedAdapter> loaded = [];

    /// <summary>The adapters in order; null: the bare model.</summary>
    public IReadOnlyList<Adapter?> All { get; private set; } = [];

    /// <summary>Loads adapters.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folders">Their folders.</param>
    /// <param name="withoutBase">Leave the bare model out.</param>
    public static EvaluatedAdapters Load(LanguageModel model, string[] folders, bool withoutBase)
    {
        EvaluatedAdapters all = new();
        try
        {
            foreach (string folder in folders)
            {
                all.loaded.Add(AdapterFolder.Load(folder, model, Name(folder, folders)));
                foreach (string warning in all.loaded[^1].Warnings)
                {
                    Console.Error.WriteLine($"note: {warning}");
                }
            }
        }
        catch
        {
            all.Dispose();
            throw;
        }
        all.All = withoutBase && folders.Length > 0 ? [.. all.loaded] : [null, .. all.loaded];
        return all;
    }

    public void Dispose() => loaded.ForEach(a => a.Dispose());

    // As many of the path's last parts as tell it from the others.
    private static string Name(string folder, string[] folders)
    {
        string[] others = [.. folders.Select(Path.GetFullPath).Select(Path.TrimEndingDirectorySeparator).Distinct()];
        string[] parts = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)).Split(Path.DirectorySeparatorChar);
        for (int count = 1; count < parts.Length; count++)
        {
            string name = string.Join('/', parts[^count..]);
            if (others.Count(other => other.EndsWith(Path.DirectorySeparatorChar + name, StringComparison.Ordinal)) == 1)
            {
                return name;
            }
        }
        return folder;
    }
}
