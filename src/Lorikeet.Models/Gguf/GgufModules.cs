using System.Diagnostics.CodeAnalysis;

namespace Lorikeet.Models.Gguf;

/// <summary>What the modules of a model are called in GGUF files, and where their rows lie there.</summary>
public sealed class GgufModules
{
    private readonly Dictionary<string, GgufName> byHub = [];
    private readonly Dictionary<string, GgufName> byGguf = [];
    private readonly int headDim;

    /// <summary>Lists the modules.</summary>
    /// <param name="config">The model's configuration.</param>
    /// <exception cref="NotSupportedException">The model_type is not built in GGUF files.</exception>
    public GgufModules(ModelConfig config)
        : this(config, GgufArchitecture.For((config ?? throw new ArgumentNullException(nameof(config))).ModelType))
    {
    }

    internal GgufModules(ModelConfig config, GgufArchitecture architecture)
    {
        headDim = config.HeadDim;
        Architecture = architecture.Name;
        foreach (GgufName module in architecture.AllModules(config.Layers))
        {
            byHub.Add(module.Hub, module);
            byGguf.Add(module.Gguf, module);
        }
    }

    /// <summary>The name in <c>general.architecture</c>.</summary>
    public string Architecture { get; }

    /// <summary>The module of a name in a GGUF file, <c>blk.0.attn_q</c>.</summary>
    /// <param name="name">The name, without <c>.weight</c>.</param>
    /// <param name="module">Its path in a folder of the hub.</param>
    public bool TryModule(string name, [NotNullWhen(true)] out string? module)
    {
        module = byGguf.TryGetValue(name, out GgufName? found) ? found.Hub : null;
        return found is not null;
    }

    /// <summary>What a module is called in a GGUF file.</summary>
    /// <param name="module">Its path in a folder of the hub.</param>
    /// <param name="name">The name, without <c>.weight</c>.</param>
    public bool TryName(string module, [NotNullWhen(true)] out string? name)
    {
        name = byHub.TryGetValue(module, out GgufName? found) ? found.Gguf : null;
        return found is not null;
    }

    /// <summary>True where the rows of a module lie in another order in the file.</summary>
    /// <param name="module">Its path in a folder of the hub.</param>
    public bool IsPermuted(string module) => byHub.TryGetValue(module, out GgufName? found) && found.Heads != GgufHeads.None;

    /// <summary>Where a row of a module lies in the file.</summary>
    /// <param name="module">Its path in a folder of the hub.</param>
    /// <param name="row">The row there.</param>
    public int RowInFile(string module, int row) => IsPermuted(module) ? HeadRows.InFile(row, headDim) : row;
}
