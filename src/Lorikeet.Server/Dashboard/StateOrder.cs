namespace Lorikeet.Server;

/// <summary>How the table's lines may be sorted.</summary>
internal static class StateOrder
{
    /// <summary>The base, then those with the most tokens in the last minute, then those asked last, then by name.</summary>
    public const string Busy = "busy";
    private const string Name = "name";

    private static readonly Dictionary<string, Func<StateRow, double?>> Values = new(StringComparer.Ordinal)
    {
        ["now"] = r => r.Waiting + r.Running,
        ["rate"] = r => r.Rate,
        ["requests"] = r => r.Requests,
        ["tokens"] = r => r.Generated,
        ["first50"] = r => r.First?.P50,
        ["first95"] = r => r.First?.P95,
        ["token50"] = r => r.Token?.P50,
        ["token95"] = r => r.Token?.P95,
    };

    /// <summary>All orders.</summary>
    public static IReadOnlyList<string> Names { get; } = [Busy, Name, .. Values.Keys];

    /// <summary>The lines in an order; what has no value comes last, either way round.</summary>
    /// <param name="rows">The lines, by name.</param>
    /// <param name="order">One of <see cref="Names"/>.</param>
    /// <param name="down">From the highest to the lowest; <see cref="Busy"/> has one direction only.</param>
    public static IEnumerable<StateRow> Sort(List<StateRow> rows, string order, bool down) => order switch
    {
        Busy => rows.OrderByDescending(r => r.Kind == "base").ThenByDescending(r => r.LastMinute).ThenByDescending(r => r.LastUse),
        Name => down ? rows.AsEnumerable().Reverse() : rows,
        _ => down ? rows.OrderByDescending(r => Values[order](r) ?? double.NegativeInfinity) : rows.OrderBy(r => Values[order](r) ?? double.PositiveInfinity),
    };
}
