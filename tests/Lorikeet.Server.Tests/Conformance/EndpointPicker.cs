using System.Globalization;
using System.Text.RegularExpressions;

namespace Lorikeet.Server.Tests.Conformance;

/// <summary>
/// An endpoint picker as the Gateway API Inference Extension describes it (appendix A): it reads each replica's metrics and sends a request to the one with the largest weighted
/// sum of the adapter's affinity and the emptiness of the queue.
/// </summary>
internal sealed partial class EndpointPicker(IReadOnlyList<TinyServer> replicas)
{
    private const double AdapterWeight = 3, QueueWeight = 2;

    /// <summary>The replica for a request.</summary>
    public async Task<int> PickAsync(string model)
    {
        Pod[] pods = await Task.WhenAll(replicas.Select(async r => Read((await r.GetAsync("/metrics")).Body)));
        double least = pods.Min(p => p.Waiting), most = pods.Max(p => p.Waiting);
        double[] scores = [.. pods.Select(p => (AdapterWeight * Affinity(p, model)) + (QueueWeight * (most > least ? (most - p.Waiting) / (most - least) : 1)))];
        return Array.IndexOf(scores, scores.Max());
    }

    /// <summary>A.3, the first that holds.</summary>
    public static double Affinity(Pod pod, string model) =>
        pod.Active.Contains(model) ? 1
        : pod.Active.Count + pod.Coming.Count < pod.Capacity ? 0.8
        : pod.Coming.Contains(model) ? 0.6
        : 0;

    /// <summary>What the picker takes from a scrape; exactly one series of each gauge.</summary>
    public static Pod Read(string metrics)
    {
        string[] lines = metrics.Split('\n');
        string info = lines.Single(l => l.StartsWith("vllm:lora_requests_info{", StringComparison.Ordinal));
        Assert.Contains("# TYPE vllm:lora_requests_info gauge", lines);
        double changed = double.Parse(info[(info.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);
        return new Pod(
            Gauge("vllm:num_requests_waiting"), Gauge("vllm:num_requests_running"), Gauge("vllm:kv_cache_usage_perc"), Names("running_lora_adapters"), Names("waiting_lora_adapters"),
            int.Parse(Label("max_lora"), CultureInfo.InvariantCulture), changed);

        double Gauge(string name)
        {
            Assert.Contains($"# TYPE {name} gauge", lines);
            string line = lines.Single(l => l.StartsWith(name + "{", StringComparison.Ordinal));
            return double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);
        }

        string Label(string name) => LabelValue().Matches(info).Single(m => m.Groups[1].Value == name).Groups[2].Value;

        HashSet<string> Names(string label) => [.. Label(label).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
    }

    [GeneratedRegex("""([a-z_]+)="([^"]*)"[,}]""")]
    private static partial Regex LabelValue();

    /// <summary>A replica as its metrics describe it.</summary>
    internal sealed record Pod(double Waiting, double Running, double Usage, HashSet<string> Active, HashSet<string> Coming, int Capacity, double Changed);
}
