using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>A function that the model may call.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Parameters">The JSON schema of its arguments; null: it takes none.</param>
/// <param name="Strict">Whether calls must satisfy the schema even where the model decides to call.</param>
/// <param name="Place">Where it stands in the request.</param>
internal sealed record Tool(string Name, JsonElement? Parameters, bool Strict, string Place);

/// <summary>Whether the model calls.</summary>
internal enum ToolMode
{
    /// <summary>It answers in text.</summary>
    None,

    /// <summary>It decides.</summary>
    Auto,

    /// <summary>It calls one function or more.</summary>
    Required,

    /// <summary>It calls one function that is named.</summary>
    Named,
}
