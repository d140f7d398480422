using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Lorikeet.Server;

/// <summary>Registers the adapters of the options and opens when the host starts; before anything else stops, running answers finish.</summary>
internal sealed partial class LorikeetLifetime(ServerParts parts, ServerOptions options, ILogger<LorikeetLifetime> logger) : IHostedLifecycleService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await parts.Directory.RegisterAllAsync(options.Adapters, cancellationToken);
        parts.Open();
        Opened(logger, parts.Directory.BaseName, options.Adapters.Count);
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        Draining(logger, parts.Admission.InFlight);
        await parts.Admission.DrainAsync(options.DrainTime);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(Level = LogLevel.Information, Message = "serving {Model} with {Adapters} adapters of the options")]
    private static partial void Opened(ILogger logger, string model, int adapters);

    [LoggerMessage(Level = LogLevel.Information, Message = "stopping: {Requests} running requests may finish")]
    private static partial void Draining(ILogger logger, long requests);
}
