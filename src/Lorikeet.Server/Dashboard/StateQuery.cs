using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary>Which lines of the table a request wants: thousands of adapters are shown a page at a time.</summary>
/// <param name="Find">A text that the name, method or tenant holds; empty: all.</param>
/// <param name="From">The first line.</param>
/// <param name="Rows">The most lines.</param>
/// <param name="Order">One of <see cref="StateOrder.Names"/>.</param>
/// <param name="Down">From the highest to the lowest.</param>
internal sealed record StateQuery(string Find, int From, int Rows, string Order, bool Down)
{
    private const int MostRows = 200, UsualRows = 50;

    /// <summary>The parameters.</summary>
    public static IReadOnlyList<string> Names { get; } = ["find", "from", "rows", "order", "down"];

    /// <summary>Reads <c>?find=</c>, <c>from=</c>, <c>rows=</c>, <c>order=</c>, <c>down=true</c>.</summary>
    /// <exception cref="ApiException">400: a value that is none.</exception>
    public static StateQuery Read(IQueryCollection query)
    {
        string order = query["order"].ToString() is { Length: > 0 } asked ? asked : StateOrder.Busy;
        return StateOrder.Names.Contains(order)
            ? new StateQuery(query["find"].ToString().Trim(), Number(query, "from", 0, 0, int.MaxValue), Number(query, "rows", UsualRows, 0, MostRows), order, query["down"].ToString() == "true")
            : throw ApiException.Value("order", $"order is '{order}'; it may be {string.Join(", ", StateOrder.Names)}");
    }

    private static int Number(IQueryCollection query, string name, int usual, int least, int most) =>
        query[name].ToString() is not { Length: > 0 } asked ? usual
        : int.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least ? Math.Min(number, most)
        : throw ApiException.Value(name, $"{name} is no integer of {least} or more");
}
