using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Server.Tests.Batches;

/// <summary>Folders of small adapters of all methods and several ranks for the tiny model, made once, and registered in one write.</summary>
internal static class AdapterFarm
{
    public const int Count = 200;

    private static readonly Lazy<string[]> Made = new(() =>
    {
        string root = Directory.CreateTempSubdirectory("lorikeet-farm-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(root, recursive: true);
        using LanguageModel model = ModelLoader.Load(TinyServer.Model);
        string[] folders = [.. Enumerable.Range(0, Count).Select(i => Path.Combine(root, $"{i}"))];
        for (int i = 0; i < Count; i++)
        {
            JsonObject config = new() { ["r"] = 1 + (i / 4 % 6), ["target_modules"] = "all-linear" };
            CounterRandom random = new CounterRandom((ulong)i).Named("farm");
            using TrainedAdapter adapter = Method(i).Create($"{i}", model, config, random);
            foreach (Parameter parameter in adapter.Parameters.Where(p => p.Trainable))
            {
                // Near where the method starts, but never at a start that changes nothing.
                float[] noise = new float[parameter.Value.Shape.Length];
                random.Named(parameter.Name).FillNormal(noise, 0.3f);
                Span<float> values = parameter.Value.Span;
                for (int j = 0; j < noise.Length; j++)
                {
                    values[j] += noise[j];
                }
            }
            AdapterFolder.Save(adapter, folders[i]);
        }
        return folders;
    });

    public static IReadOnlyList<string> Folders => Made.Value;

    /// <summary>The method of a folder: their order repeats.</summary>
    public static AdapterMethod Method(int number) => AdapterMethods.All[number % AdapterMethods.All.Count];

    /// <summary>Puts names into a registry in one write, as if each had been registered by its path.</summary>
    /// <param name="registry">The registry.</param>
    /// <param name="tenant">Whose they are.</param>
    /// <param name="names">Name and folder; a folder that does not exist is as good as one that nobody asks for.</param>
    public static async Task RegisterAsync(Registry registry, string tenant, IEnumerable<(string Name, string Folder)> names)
    {
        List<(string Name, StoredVersion Version)> rows = [];
        foreach ((string name, string folder) in names)
        {
            (string hash, long bytes) = Directory.Exists(folder)
                ? await AdapterFiles.HashAsync(folder, CancellationToken.None)
                : (AdapterFiles.Combine([new(name, "absent")]), 1);
            rows.Add((name, new StoredVersion("", 0, hash, "lora", 2, bytes, TinyServer.Base, registry.Now, folder, Managed: false)));
        }
        await registry.WriteAsync(writer =>
        {
            foreach ((string name, StoredVersion version) in rows)
            {
                writer.Create(tenant, name, version, pinned: false);
            }
            return true;
        });
    }
}
