using System.Globalization;
using Lorikeet.Adapters;
using Lorikeet.Models.Files;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Chat;

/// <summary>The adapters of a conversation by name, and the one that answers now.</summary>
/// <param name="host">The engine that reads them.</param>
internal sealed class AdapterShelf(EngineHost host)
{
    /// <summary>The name of the bare model.</summary>
    public const string Bare = "none";

    private readonly AdapterCatalog catalog = new();

    /// <summary>Their names, in order.</summary>
    public IReadOnlyList<string> Names => catalog.Names;

    /// <summary>What answers now; empty: the bare model.</summary>
    public IReadOnlyList<AdapterShare> Chosen { get; private set; } = [];

    /// <summary>What answers now, in words.</summary>
    public string Label => Chosen.Count == 0 ? Bare : string.Join('+', Chosen.Select(Name));

    /// <summary>The folder of the adapter that answers now; null: it is none, or a mixture.</summary>
    public string? Folder => Chosen is [{ Weight: 1 } one] ? one.Version.Source.Place : null;

    /// <summary>Where an adapter is read from; null: there is none of that name.</summary>
    /// <param name="name">Its name.</param>
    public string? Place(string name) => catalog.Find(name)?.Source.Place;

    /// <summary>Puts an adapter there; nothing is read before it is chosen.</summary>
    /// <param name="text">A folder, or NAME=FOLDER.</param>
    /// <returns>Its name.</returns>
    /// <exception cref="BadFileException">There is no adapter at that place.</exception>
    /// <exception cref="UsageException">The name is taken.</exception>
    public string Add(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        string folder = text[(equals + 1)..], name = equals > 0 ? text[..equals] : Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(folder));
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(BundledFolder.Resolve(folder)));
        if (equals <= 0 && Directory.Exists(full))
        {
            name = Path.GetFileName(full);
        }
        if (!IsAdapter(full))
        {
            throw new BadFileException($"{folder} is no adapter: expected a folder with {AdapterFolder.ConfigName}, or a GGUF file.");
        }
        if (name == Bare || name.Length == 0 || (catalog.Find(name) is { } taken && taken.Source.Place != full))
        {
            throw new UsageException($"the name '{name}' is taken; give {folder} another one: NAME={folder}");
        }
        if (catalog.Find(name) is null)
        {
            catalog.Set(name, AdapterSource.Folder(full));
        }
        return name;
    }

    /// <summary>Puts all adapters of a folder there.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="BadFileException">It has none.</exception>
    public void AddAll(string folder)
    {
        folder = BundledFolder.Resolve(folder);
        string[] found = Directory.Exists(folder) ? [.. Directory.EnumerateDirectories(folder).Where(IsAdapter).Order(StringComparer.Ordinal)] : [];
        if (found.Length == 0)
        {
            throw new BadFileException($"{folder} holds no adapters: expected folders with {AdapterFolder.ConfigName} in it.");
        }
        foreach (string one in found)
        {
            Add(one);
        }
    }

    /// <summary>Chooses what answers from now on. Adapters are read here, so that a bad one is known at once and what answered before stays.</summary>
    /// <param name="words">none, or names or folders, each with =WEIGHT where it is not 1.</param>
    /// <param name="stop">Stops waiting.</param>
    public async Task ChooseAsync(IReadOnlyList<string> words, CancellationToken stop)
    {
        if (words is [Bare])
        {
            Chosen = [];
            return;
        }
        List<AdapterShare> shares = [];
        foreach (string word in words)
        {
            (AdapterVersion version, float weight) = Find(word);
            if (shares.Exists(s => s.Version == version))
            {
                throw new UsageException($"adapter {version.Name} is named twice; name each once, with =WEIGHT");
            }
            await host.LoadAsync(version, stop);
            shares.Add(new AdapterShare(version, weight));
        }
        Chosen = shares;
    }

    private (AdapterVersion Version, float Weight) Find(string word)
    {
        if (catalog.Find(word) is { } named)
        {
            return (named, 1);
        }
        int equals = word.LastIndexOf('=');
        string name = equals < 0 ? word : word[..equals];
        float weight = 1;
        if (equals >= 0 && (!float.TryParse(word[(equals + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture, out weight) || !float.IsFinite(weight)))
        {
            throw new UsageException($"'{word}': expected NAME or NAME=WEIGHT, for example {name}=0.5");
        }
        if (catalog.Find(name) is null && IsAdapter(name))
        {
            name = Add(name);
        }
        return catalog.Find(name) is { } version ? (version, weight)
            : throw new UsageException($"there is no adapter '{name}'; there are {string.Join(", ", Names.Append(Bare))}, or give an adapter's folder");
    }

    private static bool IsAdapter(string path) => File.Exists(Path.Combine(path, AdapterFolder.ConfigName)) || GgufFile.Is(path);

    private static string Name(AdapterShare share) =>
        share.Weight == 1 ? share.Version.Name : string.Create(CultureInfo.InvariantCulture, $"{share.Version.Name}={share.Weight:0.###}");
}
