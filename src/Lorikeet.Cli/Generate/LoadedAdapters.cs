using Lorikeet.Adapters;
using Lorikeet.Models;

namespace Lorikeet.Cli.Generate;

/// <summary>The adapters of a command line, each read once.</summary>
internal sealed class LoadedAdapters(LanguageModel model, FactorStorage factors) : IDisposable
{
    private readonly Dictionary<string, TrainedAdapter> loaded = new(StringComparer.Ordinal);

    /// <summary>All of them.</summary>
    public IEnumerable<TrainedAdapter> All => loaded.Values;

    /// <summary>The adapter of a folder.</summary>
    /// <param name="folder">The folder, or a GGUF file.</param>
    public TrainedAdapter Load(string folder)
    {
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(Models.Files.BundledFolder.Resolve(folder)));
        if (!loaded.TryGetValue(path, out TrainedAdapter? adapter))
        {
            loaded[path] = adapter = AdapterFolder.Load(path, model);
            adapter.Factors = factors;
        }
        return adapter;
    }

    public void Dispose()
    {
        foreach (TrainedAdapter adapter in loaded.Values)
        {
            adapter.Dispose();
        }
    }
}
