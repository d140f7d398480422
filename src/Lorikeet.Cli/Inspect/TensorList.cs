using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Lorikeet.Cli.Inspect;

/// <summary>Describes many tensors in few lines: layers of one name are one row.</summary>
internal static partial class TensorList
{
    /// <summary>The columns of <see cref="Rows"/>.</summary>
    public static string[] Columns => ["count", "tensor", "shape", "type"];

    /// <summary>Tensors grouped by name without layer numbers, shape and type, in the order of their first.</summary>
    /// <param name="tensors">The tensors.</param>
    public static IEnumerable<JsonNode[]> Rows(IEnumerable<ListedTensor> tensors) => tensors
        .GroupBy(t => (Name: Pattern(t.Name), Shape: string.Join(" x ", t.Shape), t.Type))
        .Select(g => new JsonNode[] { (long)g.Count(), g.Count() == 1 ? g.First().Name : g.Key.Name, new JsonArray([.. g.First().Shape.Select(e => (JsonNode)e)]), g.Key.Type });

    /// <summary>The bytes of each element type, in words: <c>269.0 MB bf16</c>.</summary>
    /// <param name="tensors">The tensors.</param>
    public static string Formats(IEnumerable<ListedTensor> tensors) =>
        string.Join(", ", ByType(tensors).Select(t => $"{Bytes(t.Bytes)} {t.Type.ToLowerInvariant()}"));

    /// <summary>The bytes of each element type as JSON.</summary>
    /// <param name="tensors">The tensors.</param>
    public static JsonObject FormatsJson(IEnumerable<ListedTensor> tensors) =>
        new(ByType(tensors).Select(t => KeyValuePair.Create(t.Type.ToLowerInvariant(), (JsonNode?)t.Bytes)));

    /// <summary>A name with its layer numbers replaced by stars.</summary>
    /// <param name="name">The name.</param>
    public static string Pattern(string name) => LayerNumber().Replace(name, "*");

    /// <summary>Bytes in words, in powers of ten.</summary>
    /// <param name="bytes">The number.</param>
    public static string Bytes(long bytes) => bytes switch
    {
        >= 1_000_000_000 => $"{bytes / 1e9:F2} GB",
        >= 1_000_000 => $"{bytes / 1e6:F1} MB",
        >= 1_000 => $"{bytes / 1e3:F1} kB",
        _ => $"{bytes} bytes",
    };

    private static IEnumerable<(string Type, long Bytes)> ByType(IEnumerable<ListedTensor> tensors) =>
        tensors.GroupBy(t => t.Type).Select(g => (g.Key, g.Sum(t => t.Bytes))).OrderByDescending(t => t.Item2);

    [GeneratedRegex(@"(?<=^|\.)\d+(?=\.|$)")]
    private static partial Regex LayerNumber();
}
