using System.Diagnostics;
using System.Globalization;
using System.Text;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary><c>GET /metrics</c>: vLLM's names, which dashboards and gateways know, and Lorikeet's own.</summary>
internal sealed class MetricsEndpoint(ServerMetrics metrics, IInference inference, Admission admission, AdapterDirectory directory, Registry registry, ServerOptions options)
{
    private static readonly double Started = OfStart();

    public async Task AnswerAsync(HttpContext http, Caller caller)
    {
        byte[] body = Encoding.UTF8.GetBytes(Write());
        bool open = http.Request.Headers.Accept.ToString().Contains("application/openmetrics-text", StringComparison.Ordinal);
        http.Response.ContentType = open ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";
        if (open)
        {
            body = [.. Encoding.UTF8.GetBytes(OpenMetrics(Encoding.UTF8.GetString(body))), .. "# EOF\n"u8];
        }
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    // There a counter's family has no _total, its samples do.
    private static string OpenMetrics(string text) => string.Join('\n', text.Split('\n').Select(line =>
    {
        string[] words = line.Split(' ', 4);
        return words is ["#", "TYPE" or "HELP", var name, ..] && name.EndsWith("_total", StringComparison.Ordinal) && !name.EndsWith("iteration_tokens_total", StringComparison.Ordinal)
            ? line.Replace(name, name[..^"_total".Length], StringComparison.Ordinal)
            : line;
    }));

    private string Write()
    {
        EngineStatistics engine = inference.Statistics;
        (string, string) model = ("model_name", directory.BaseName), number = ("engine", "0");
        MetricText text = new();
        text.One("vllm:num_requests_waiting", "gauge", "Requests that wait, adapter loads included.", engine.Waiting, model, number);
        text.One("vllm:num_requests_running", "gauge", "Requests in the running batch.", engine.Running, model, number);
        text.One("vllm:kv_cache_usage_perc", "gauge", "Share of the pool in use by work in progress, 0 to 1.", engine.Usage, model, number);
        WriteAdapters(text, engine);
        long blocks = engine.BlockBytes > 0 ? engine.BudgetBytes / engine.BlockBytes : 0;
        text.One(
            "vllm:cache_config_info", "gauge", "The cache's settings.", 1,
            ("block_size", Text(engine.BlockTokens)), ("num_gpu_blocks", Text(blocks)), ("cache_dtype", "float32"), ("enable_prefix_caching", options.Engine.PrefixCaching ? "True" : "False"), number);
        WriteCounters(text, engine, model, number);
        WriteHistograms(text, engine, model, number);
        WriteOwn(text, engine);
        WriteProcess(text);
        return text.Text.ToString();
    }

    private void WriteAdapters(MetricText text, EngineStatistics engine)
    {
        string[] resident = [.. engine.ResidentAdapters.SelectMany(Names).Distinct().Take(options.ListedAdapters)];
        string[] waiting = [.. engine.LoadingAdapters.SelectMany(Names).Distinct().Take(options.ListedAdapters)];
        int listed = resident.Length + waiting.Length;
        // There is no cap but memory: one more can be taken in unless work in progress holds all of it.
        int most = engine.Usage >= 1 ? listed : Math.Max(options.ListedAdapters, listed) + 1;
        double changed = (engine.AdaptersChanged > DateTimeOffset.UnixEpoch ? engine.AdaptersChanged : DateTimeOffset.UnixEpoch).ToUnixTimeMilliseconds() / 1000.0;
        text.One(
            "vllm:lora_requests_info", "gauge", "Adapters in memory and on their way; the value is the time of the last change.", changed,
            ("max_lora", Text(most)), ("running_lora_adapters", string.Join(',', resident)), ("waiting_lora_adapters", string.Join(',', waiting)));
        text.One("vllm:num_gpu_loaded_lora_adapters", "gauge", "Adapters that can compute at once.", engine.ResidentAdapters.Count);
        text.One("vllm:num_cpu_loaded_lora_adapters", "gauge", "Adapters in memory that cannot compute at once.", 0);
        text.One("vllm:max_gpu_lora_adapters", "gauge", "The most adapters that can compute at once.", most);
        text.Family("vllm:lora_adapter_loaded", "gauge", "1 for each adapter in memory.");
        HashSet<string> seen = [];
        foreach ((AdapterVersion adapter, string name) in engine.ResidentAdapters.SelectMany(a => Names(a).Select(name => (a, name))).Take(options.ListedAdapters))
        {
            if (seen.Add(name))
            {
                (_, StoredVersion? version, bool pinned) = inference.Describe(adapter);
                text.Sample("vllm:lora_adapter_loaded", 1, ("adapter_name", name), ("level", "gpu"), ("pinned", pinned ? "true" : "false"), ("rank", Text(version?.Rank ?? 0)));
            }
        }
        EngineHistogram(text, "vllm:lora_adapter_load_seconds", "Reading an adapter and making it ready.", engine.AdapterLoadMicroseconds, 1e6);
    }

    // All that stand for its files: what one name brought into memory is there for the others.
    private IEnumerable<string> Names(AdapterVersion adapter)
    {
        (string tenant, StoredVersion? version, _) = inference.Describe(adapter);
        IEnumerable<string> names = version is null ? [] : registry.Snapshot.With(tenant, version.Hash).Where(a => a.Active.Hash == version.Hash).Select(a => a.Name);
        return names.DefaultIfEmpty(adapter.Name);
    }

    private void WriteCounters(MetricText text, EngineStatistics engine, (string, string) model, (string, string) number)
    {
        Counter("vllm:prompt_tokens_total", "Tokens of prompts.", engine.PromptTokens);
        Counter("vllm:generation_tokens_total", "Tokens of answers.", engine.GeneratedTokens);
        text.Family("vllm:request_success_total", "counter", "Requests that ended, by why.");
        foreach (string reason in (string[])["stop", "length", "abort"])
        {
            text.Sample("vllm:request_success_total", Interlocked.Read(ref metrics.Ended[reason][0]), model, number, ("finished_reason", reason));
        }
        Counter("vllm:num_preemptions_total", "Answers that gave their pages back and started over.", engine.Preemptions);
        Counter("vllm:prefix_cache_queries_total", "Prompt tokens whose keys and values were looked for.", engine.PrefixQueries);
        Counter("vllm:prefix_cache_hits_total", "Prompt tokens whose keys and values were there.", engine.PrefixHits);
        Counter("vllm:spec_decode_num_drafts_total", "Rounds of guesses.", engine.Drafts);
        Counter("vllm:spec_decode_num_draft_tokens_total", "Tokens that were guessed.", engine.DraftTokens);
        Counter("vllm:spec_decode_num_accepted_tokens_total", "Guesses that came true.", engine.AcceptedTokens);

        void Counter(string name, string help, long value) => text.One(name, "counter", help, value, model, number);
    }

    private void WriteHistograms(MetricText text, EngineStatistics engine, (string, string) model, (string, string) number)
    {
        text.Histogram("vllm:time_to_first_token_seconds", "From arrival to the first token.", metrics.TimeToFirstToken, model, number);
        text.Histogram("vllm:inter_token_latency_seconds", "Between two tokens of an answer.", metrics.InterToken, model, number);
        text.Histogram("vllm:time_per_output_token_seconds", "Between two tokens of an answer.", metrics.InterToken, model, number);
        text.Histogram("vllm:request_time_per_output_token_seconds", "Mean time between two tokens, by request.", metrics.TimePerToken, model, number);
        text.Histogram("vllm:e2e_request_latency_seconds", "From arrival to the end.", metrics.EndToEnd, model, number);
        text.Histogram("vllm:request_queue_time_seconds", "From arrival to the first step.", metrics.QueueTime, model, number);
        text.Histogram("vllm:request_inference_time_seconds", "From the first step to the end.", metrics.InferenceTime, model, number);
        text.Histogram("vllm:request_prefill_time_seconds", "From the first step to the first token.", metrics.PrefillTime, model, number);
        text.Histogram("vllm:request_decode_time_seconds", "From the first token to the last.", metrics.DecodeTime, model, number);
        text.Histogram("vllm:request_prompt_tokens", "Tokens of a prompt.", metrics.PromptTokens, model, number);
        text.Histogram("vllm:request_generation_tokens", "Tokens of all answers of a request.", metrics.GenerationTokens, model, number);
        text.Histogram("vllm:request_max_num_generation_tokens", "Tokens of a request's longest answer.", metrics.MaxGenerationTokens, model, number);
        text.Histogram("vllm:request_params_max_tokens", "max_tokens.", metrics.ParamsMaxTokens, model, number);
        text.Histogram("vllm:request_params_n", "n.", metrics.ParamsN, model, number);
        EngineHistogram(text, "vllm:iteration_tokens_total", "Rows of a step.", engine.StepRows, 1, model, number);
    }

    private void WriteOwn(MetricText text, EngineStatistics engine)
    {
        KeyValuePair<(string Tenant, string Adapter), AdapterCounts>[] adapters = [.. metrics.Adapters.OrderBy(a => a.Key)];
        text.Family("lorikeet_adapter_requests_total", "counter", "Requests by adapter.");
        foreach (((string tenant, string adapter), AdapterCounts counts) in adapters)
        {
            text.Sample("lorikeet_adapter_requests_total", counts.Requests, ("adapter", adapter), ("tenant", tenant));
        }
        text.Family("lorikeet_adapter_tokens_total", "counter", "Tokens by adapter and kind.");
        foreach (((string tenant, string adapter), AdapterCounts counts) in adapters)
        {
            text.Sample("lorikeet_adapter_tokens_total", counts.Prompt, ("adapter", adapter), ("tenant", tenant), ("kind", "prompt"));
            text.Sample("lorikeet_adapter_tokens_total", counts.Generated, ("adapter", adapter), ("tenant", tenant), ("kind", "generated"));
            text.Sample("lorikeet_adapter_tokens_total", counts.Cached, ("adapter", adapter), ("tenant", tenant), ("kind", "cached"));
        }
        text.Family("lorikeet_adapter_ttft_seconds", "histogram", "From arrival to the first token, by adapter.");
        foreach (((string tenant, string adapter), AdapterCounts counts) in adapters)
        {
            counts.FirstToken.Write(text.Text, "lorikeet_adapter_ttft_seconds", MetricText.Labels(("adapter", adapter), ("tenant", tenant)));
        }
        text.Family("lorikeet_adapter_loads_total", "counter", "Adapters that were read, or could not be.")
            .Sample("lorikeet_adapter_loads_total", engine.AdapterLoads, ("result", "ok"))
            .Sample("lorikeet_adapter_loads_total", engine.AdapterLoadFailures, ("result", "failed"));
        EngineHistogram(text, "lorikeet_adapter_load_seconds", "Reading an adapter and making it ready.", engine.AdapterLoadMicroseconds, 1e6, ("from", "disk"));
        text.One("lorikeet_adapter_evictions_total", "counter", "Adapters that were thrown out.", engine.AdapterEvictions, ("reason", "room"));
        text.One("lorikeet_adapter_resident_bytes", "gauge", "Bytes of adapters in memory.", engine.AdapterBytes);
        text.One("lorikeet_pool_used_bytes", "gauge", "Bytes of the pool in use, what is kept for later requests included.", engine.UsedBytes);
        text.One("lorikeet_pool_idle_bytes", "gauge", "Those of them that nobody uses at present.", engine.IdleBytes);
        text.One("lorikeet_adapters_resident", "gauge", "Adapters in memory.", engine.ResidentAdapters.Count);
        text.One("lorikeet_adapters_registered", "gauge", "Adapters in the registry.", registry.Snapshot.Count);
        EngineHistogram(text, "lorikeet_batch_distinct_adapters", "Distinct adapters of a step.", engine.StepAdapters, 1);
        text.Family("lorikeet_tenant_throttled_total", "counter", "Requests over a key's limits.");
        foreach (((string tenant, string reason), long[] count) in metrics.ThrottledCounts)
        {
            text.Sample("lorikeet_tenant_throttled_total", Interlocked.Read(ref count[0]), ("tenant", tenant), ("reason", reason));
        }
        text.Family("lorikeet_queue_rejected_total", "counter", "Requests that were not let in.");
        foreach ((string reason, long[] count) in metrics.RejectedCounts)
        {
            text.Sample("lorikeet_queue_rejected_total", Interlocked.Read(ref count[0]), ("reason", reason));
        }
    }

    private void WriteProcess(MetricText text)
    {
        text.Family("http_requests_total", "counter", "HTTP requests.");
        foreach (((string method, string status, string handler), long[] count) in metrics.Http)
        {
            text.Sample("http_requests_total", Interlocked.Read(ref count[0]), ("method", method), ("status", status), ("handler", handler));
        }
        text.Histogram("http_request_duration_seconds", "HTTP requests, from the first byte to the last.", metrics.HttpSeconds);
        text.One("lorikeet_requests_in_flight", "gauge", "Inference requests that wait or run.", admission.InFlight);
        text.One("process_cpu_seconds_total", "counter", "Processor time.", Environment.CpuUsage.TotalTime.TotalSeconds);
        text.One("process_resident_memory_bytes", "gauge", "Memory.", Environment.WorkingSet);
        text.One("dotnet_total_memory_bytes", "gauge", "Managed memory, garbage included.", GC.GetTotalMemory(forceFullCollection: false));
        text.One("process_start_time_seconds", "gauge", "Unix time of the start.", Started);
    }

    private static void EngineHistogram(MetricText text, string name, string help, Histogram histogram, double perUnit, params ReadOnlySpan<(string Name, string Value)> labels)
    {
        text.Family(name, "histogram", help);
        string joined = MetricText.Labels(labels), braces = joined.Length > 0 ? "{" + joined + "}" : "";
        long below = 0;
        for (int i = 0; i < histogram.Bounds.Count; i++)
        {
            below += histogram.Count(i);
            text.Text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{joined}{(joined.Length > 0 ? "," : "")}le=\"{MetricText.Number(histogram.Bounds[i] / perUnit)}\"}} {below}\n");
        }
        below += histogram.Count(histogram.Bounds.Count);
        text.Text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{joined}{(joined.Length > 0 ? "," : "")}le=\"+Inf\"}} {below}\n");
        text.Text.Append(CultureInfo.InvariantCulture, $"{name}_sum{braces} {MetricText.Number(histogram.Sum / perUnit)}\n{name}_count{braces} {below}\n");
    }

    private static double OfStart()
    {
        using Process process = Process.GetCurrentProcess();
        return new DateTimeOffset(process.StartTime.ToUniversalTime()).ToUnixTimeMilliseconds() / 1000.0;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
