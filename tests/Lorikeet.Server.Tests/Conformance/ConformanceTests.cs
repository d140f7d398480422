using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lorikeet.Server.Tests.Conformance;

/// <summary>
/// The conformance list of the serving contract (appendix B), item by item, as a client sees the server. What needs a process that is killed, thousands of connections or a
/// thousand adapters is in <c>Faults</c> and <c>Batches</c>; each field by itself in <c>Contract</c>.
/// </summary>
public sealed partial class ConformanceTests(Contract.FieldTests.Host host) : IClassFixture<Contract.FieldTests.Host>
{
    private const int Items = 25;
    private const string Routes = "/lorikeet/v1/adapters/";

    private TinyServer Server => host.Server;

    [Fact]
    public void Every_item_of_the_list_has_a_test()
    {
        HashSet<int> covered = [.. typeof(ConformanceTests).GetMethods()
            .Where(m => m.GetCustomAttribute<FactAttribute>() is not null && ItemNumber().IsMatch(m.Name))
            .Select(m => int.Parse(ItemNumber().Match(m.Name).Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(Enumerable.Range(1, Items), covered.Order());
    }

    private static string Message(JsonElement answer, int choice = 0) => answer.GetProperty("choices")[choice].GetProperty("message").GetProperty("content").GetString()!;

    private static int Retry(Answer answer) => int.Parse(answer.Header("Retry-After")!, System.Globalization.CultureInfo.InvariantCulture);

    private static async Task<double> FigureAsync(TinyServer server, string sample)
    {
        string line = (await server.GetAsync("/metrics")).Body.Split('\n').Single(l => l.StartsWith(sample + " ", StringComparison.Ordinal));
        return double.Parse(line[(sample.Length + 1)..], System.Globalization.CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^Item_(\d\d)_")]
    private static partial Regex ItemNumber();
}
