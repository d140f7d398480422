using System.Diagnostics;

namespace Lorikeet.Cli.Bench;

/// <summary>Sends a plan's requests: when they are due, whatever the server does (open loop), or a number at a time (closed loop).</summary>
internal sealed class LoadRun(CompletionClient client, IReadOnlyList<PlannedRequest> plan, Func<int, string> model)
{
    /// <summary>Requests before the measured ones, one after another; what comes of them is not counted.</summary>
    public async Task WarmAsync(int count, CancellationToken stop)
    {
        Stopwatch clock = Stopwatch.StartNew();
        for (int i = 0; i < count; i++)
        {
            PlannedRequest request = plan[i % plan.Count];
            // Another number is another prompt: what is measured has not been seen.
            await client.SendAsync(request with { Number = -1 - i }, model(request.Adapter), clock.Elapsed.TotalSeconds, clock, stop);
        }
    }

    /// <summary>Every request at its time.</summary>
    public async Task<RequestOutcome[]> OpenAsync(CancellationToken stop)
    {
        Stopwatch clock = Stopwatch.StartNew();
        Task<RequestOutcome>[] sent = new Task<RequestOutcome>[plan.Count];
        for (int i = 0; i < sent.Length; i++)
        {
            PlannedRequest request = plan[i];
            double wait = request.Arrival - clock.Elapsed.TotalSeconds;
            if (wait > 0)
            {
                await Task.Delay(TimeSpan.FromSeconds(wait), stop);
            }
            sent[i] = Task.Run(() => client.SendAsync(request, model(request.Adapter), request.Arrival, clock, stop), stop);
        }
        return await Task.WhenAll(sent);
    }

    /// <summary>A number at a time: the next leaves when one has come back.</summary>
    public async Task<RequestOutcome[]> ClosedAsync(int concurrency, CancellationToken stop)
    {
        Stopwatch clock = Stopwatch.StartNew();
        RequestOutcome[] outcomes = new RequestOutcome[plan.Count];
        int next = -1;
        await Task.WhenAll(Enumerable.Range(0, Math.Min(concurrency, plan.Count)).Select(_ => Task.Run(
            async () =>
            {
                for (int i = Interlocked.Increment(ref next); i < plan.Count; i = Interlocked.Increment(ref next))
                {
                    outcomes[i] = await client.SendAsync(plan[i], model(plan[i].Adapter), clock.Elapsed.TotalSeconds, clock, stop);
                }
            },
            stop)));
        return outcomes;
    }
}
