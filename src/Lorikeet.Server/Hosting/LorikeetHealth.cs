using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lorikeet.Server;

/// <summary>Healthy while requests are accepted and the engine's thread runs.</summary>
internal sealed class LorikeetHealth(ServerParts parts) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        Dictionary<string, object> data = new() { ["in_flight"] = parts.Admission.InFlight, ["waiting"] = parts.Admission.Waiting };
        return Task.FromResult(parts.IsReady
            ? HealthCheckResult.Healthy("requests are accepted", data)
            : new HealthCheckResult(context.Registration.FailureStatus, "requests are refused: starting, stopping, or the engine has stopped", data: data));
    }
}
