namespace Lorikeet.Models.Gguf;

/// <summary>What a module is called in a folder of the hub and in a GGUF file.</summary>
/// <param name="Hub">The module's path, with <c>{}</c> for the number of the block.</param>
/// <param name="Gguf">The same module in the file.</param>
/// <param name="Heads">Whose heads its rows are, where the file stores rotated pairs side by side.</param>
internal sealed record GgufName(string Hub, string Gguf, GgufHeads Heads = GgufHeads.None)
{
    /// <summary>What the file's vectors are larger by than those of the folder.</summary>
    public float Offset { get; init; }

    /// <summary>The names of one block.</summary>
    public GgufName At(int layer) => this with
    {
        Hub = Hub.Replace("{}", layer.ToString(), StringComparison.Ordinal),
        Gguf = Gguf.Replace("{}", layer.ToString(), StringComparison.Ordinal),
    };
}

/// <summary>Whose heads the rows of a tensor are.</summary>
internal enum GgufHeads
{
    /// <summary>Rows are in the same order in both.</summary>
    None,

    /// <summary>Rows of query heads, pairs side by side.</summary>
    Query,

    /// <summary>Rows of key heads, pairs side by side.</summary>
    Key,
}
