using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary>Requests and tokens a minute and requests at once, by key; buckets that fill evenly.</summary>
internal sealed class RateLimits(TimeProvider clock, ServerMetrics metrics)
{
    private readonly ConcurrentDictionary<string, Meter> meters = new(StringComparer.Ordinal);

    /// <summary>Counts a request that begins; disposed when it ends.</summary>
    public IDisposable Enter(Caller caller)
    {
        if (caller.KeyId is null || caller.Limits == KeyLimits.None)
        {
            return Nothing.Instance;
        }
        Meter meter = Of(caller);
        lock (meter)
        {
            meter.Fill(clock, caller.Limits);
            if (meter.Running >= caller.Limits.Concurrent)
            {
                throw Over(caller, "concurrent", $"{meter.Running} requests run; the limit is {caller.Limits.Concurrent} at once", 1);
            }
            if (caller.Limits.RequestsPerMinute is { } requests && meter.Requests < 1)
            {
                throw Over(caller, "requests", $"the limit is {requests} requests a minute", requests == 0 ? 60 : (1 - meter.Requests) * 60 / requests);
            }
            if (caller.Limits.TokensPerMinute is { } tokens && meter.Tokens <= 0)
            {
                throw Over(caller, "tokens", $"the limit is {tokens} tokens a minute", tokens == 0 ? 60 : (1 - meter.Tokens) * 60 / tokens);
            }
            meter.Requests--;
            meter.Running++;
        }
        return new Lease(meter);
    }

    /// <summary>Takes a prompt's tokens, which must be there.</summary>
    public void Charge(Caller caller, long tokens)
    {
        if (caller.KeyId is null || caller.Limits.TokensPerMinute is not { } limit)
        {
            return;
        }
        Meter meter = Of(caller);
        lock (meter)
        {
            meter.Fill(clock, caller.Limits);
            if (tokens > meter.Tokens)
            {
                ApiException over = Over(caller, "tokens", $"the prompt has {tokens} tokens; the limit is {limit} a minute", limit == 0 ? 60 : (tokens - meter.Tokens) * 60 / limit);
                throw tokens <= limit ? over : new ApiException(over.Status, ErrorTypes.Quota, "insufficient_quota", null, over.Message) { Repeatable = false, RetrySeconds = 60 };
            }
            meter.Tokens -= tokens;
        }
    }

    /// <summary>Takes generated tokens; the bucket may go below zero, and the next request waits.</summary>
    public void Spend(Caller caller, long tokens)
    {
        if (caller.KeyId is not null && caller.Limits.TokensPerMinute is not null)
        {
            Meter meter = Of(caller);
            lock (meter)
            {
                meter.Tokens -= tokens;
            }
        }
    }

    /// <summary>Writes what is left to an answer's headers.</summary>
    public void WriteHeaders(HttpResponse response, Caller caller)
    {
        if (caller.KeyId is null || (caller.Limits.RequestsPerMinute is null && caller.Limits.TokensPerMinute is null))
        {
            return;
        }
        Meter meter = Of(caller);
        lock (meter)
        {
            meter.Fill(clock, caller.Limits);
            Write("requests", caller.Limits.RequestsPerMinute, meter.Requests);
            Write("tokens", caller.Limits.TokensPerMinute, meter.Tokens);
        }

        void Write(string kind, long? limit, double left)
        {
            if (limit is { } most)
            {
                response.Headers[$"x-ratelimit-limit-{kind}"] = Text(most);
                response.Headers[$"x-ratelimit-remaining-{kind}"] = Text((long)Math.Max(0, left));
                response.Headers[$"x-ratelimit-reset-{kind}"] = Text(most == 0 ? 60 : (long)Math.Ceiling((most - left) * 60 / most)) + "s";
            }
        }

        static string Text(long number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    private ApiException Over(Caller caller, string limit, string message, double seconds)
    {
        metrics.Throttled(caller.Tenant, limit);
        return ApiException.Busy("rate_limit_exceeded", message, seconds);
    }

    private Meter Of(Caller caller) => meters.GetOrAdd(caller.KeyId!, _ => new Meter(clock.GetTimestamp(), caller.Limits));

    private sealed class Meter(long since, KeyLimits limits)
    {
        public double Requests { get; set; } = limits.RequestsPerMinute ?? 0;

        public double Tokens { get; set; } = limits.TokensPerMinute ?? 0;

        public long Running { get; set; }

        public void Fill(TimeProvider clock, KeyLimits limits)
        {
            long now = clock.GetTimestamp();
            double minutes = clock.GetElapsedTime(since, now).TotalMinutes;
            since = now;
            Requests = Math.Min(limits.RequestsPerMinute ?? 0, Requests + (minutes * (limits.RequestsPerMinute ?? 0)));
            Tokens = Math.Min(limits.TokensPerMinute ?? 0, Tokens + (minutes * (limits.TokensPerMinute ?? 0)));
        }
    }

    private sealed class Lease(Meter meter) : IDisposable
    {
        private bool ended;

        public void Dispose()
        {
            lock (meter)
            {
                meter.Running -= ended ? 0 : 1;
                ended = true;
            }
        }
    }

    private sealed class Nothing : IDisposable
    {
        public static Nothing Instance { get; } = new();

        public void Dispose()
        {
            // There is no meter to give anything back to.
        }
    }
}
