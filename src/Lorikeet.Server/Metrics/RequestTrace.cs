using System.Diagnostics;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>Follows one request for the metrics.</summary>
internal sealed class RequestTrace(ServerMetrics metrics, AdapterCounts? adapter, string? name, TrafficCounts.Request traffic) : IDisposable
{
    private readonly KeyValuePair<string, object?> model = new(LorikeetTelemetry.ModelTag, name ?? "base");
    private readonly Activity? activity = LorikeetTelemetry.Source.StartActivity("generate")?.SetTag(LorikeetTelemetry.ModelTag, name ?? "base");
    private readonly Dictionary<(int Id, int Choice), (long Last, long Tokens)> choices = [];

    public void Count(in GenerationEvent next)
    {
        traffic.Start();
        if (next.Token >= 0)
        {
            long now = metrics.Clock.GetTimestamp();
            (int, int) key = (next.Id, next.Choice);
            (long last, long tokens) = choices.GetValueOrDefault(key);
            if (tokens > 0)
            {
                metrics.InterToken.Add(metrics.Clock.GetElapsedTime(last, now).TotalSeconds);
            }
            traffic.Token(now, metrics.Clock);
            choices[key] = (now, tokens + 1);
        }
        if (next.Usage is { } usage)
        {
            Count(usage);
        }
    }

    public void End(string reason, UsageCount usage)
    {
        traffic.End();
        Interlocked.Increment(ref metrics.Ended.GetOrAdd(reason, _ => [0])[0]);
        if (choices.Count > 0)
        {
            metrics.GenerationTokens.Add(usage.Completion);
            metrics.MaxGenerationTokens.Add(choices.Values.Max(c => c.Tokens));
        }
        adapter?.Add(usage);
        LorikeetTelemetry.Tokens.Add(usage.Prompt, model, new("gen_ai.token.type", "input"));
        LorikeetTelemetry.Tokens.Add(usage.Completion, model, new("gen_ai.token.type", "output"));
        activity?.SetTag("gen_ai.usage.input_tokens", usage.Prompt).SetTag("gen_ai.usage.output_tokens", usage.Completion).SetTag("gen_ai.response.finish_reasons", (string[])[reason]);
        if (reason == "abort")
        {
            activity?.SetStatus(ActivityStatusCode.Error);
        }
        Dispose();
    }

    /// <summary>Ends the trace.</summary>
    public void Dispose() => activity?.Dispose();

    private void Count(RequestUsage usage)
    {
        TimeSpan first = usage.ToFirstToken > TimeSpan.Zero ? usage.ToFirstToken : usage.Total;
        LorikeetTelemetry.Duration.Record(usage.Total.TotalSeconds, model);
        metrics.EndToEnd.Add(usage.Total.TotalSeconds);
        metrics.QueueTime.Add(usage.Queued.TotalSeconds);
        metrics.InferenceTime.Add((usage.Total - usage.Queued).TotalSeconds);
        metrics.PrefillTime.Add((first - usage.Queued).TotalSeconds);
        metrics.DecodeTime.Add((usage.Total - first).TotalSeconds);
        if (usage.GeneratedTokens > 0)
        {
            LorikeetTelemetry.FirstToken.Record(first.TotalSeconds, model);
            metrics.TimeToFirstToken.Add(first.TotalSeconds);
            adapter?.AddFirstToken(first.TotalSeconds);
        }
        if (usage.GeneratedTokens > 1)
        {
            double each = (usage.Total - first).TotalSeconds / (usage.GeneratedTokens - 1);
            LorikeetTelemetry.PerToken.Record(each, model);
            metrics.TimePerToken.Add(each);
            traffic.Took(each);
        }
    }
}
