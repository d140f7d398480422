using Lorikeet.Models.Files;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Lorikeet.Server;

/// <summary>Puts the engine, its adapters and its clients into a host's services; <see cref="LorikeetServer"/> is made of the same.</summary>
public static class LorikeetServices
{
    /// <summary>
    /// Adds the engine with its registry of adapters: an <see cref="IChatClient"/>, an <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/> of texts, a hosted service
    /// that opens and drains it, and the health check <c>lorikeet</c>. The model is loaded when the first of them is asked for, at the latest when the host starts.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configure">Sets the options; <see cref="ServerOptions.Model"/> at least. All that is wrong with them is said in one exception when they are first read.</param>
    public static IServiceCollection AddLorikeet(this IServiceCollection services, Action<ServerOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.AddOptions<ServerOptions>().Configure(configure).ValidateOnStart();
        return services.AddParts();
    }

    /// <summary>Puts the server's routes into an application whose services have <see cref="AddLorikeet"/>; errors and request ids are as docs/server.md says, on these routes only.</summary>
    /// <param name="app">The application.</param>
    public static WebApplication MapLorikeet(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.UseWhen(http => http.GetEndpoint()?.Metadata.GetMetadata<Routes.Route>() is not null, branch => branch.UseMiddleware<RequestPipeline>());
        app.Services.GetRequiredService<ServerParts>().Map(app);
        return app;
    }

    /// <summary>What both ways have; the options are there already.</summary>
    internal static IServiceCollection AddParts(this IServiceCollection services)
    {
        services.AddLogging();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<ServerOptions>, ServerOptionsCheck>());
        services.TryAddSingleton(s => s.GetRequiredService<IOptions<ServerOptions>>().Value);
        services.TryAddSingleton<IInference>(s => EngineInference.Load(s.GetRequiredService<ServerOptions>()));
        services.TryAddSingleton(s =>
        {
            ServerOptions options = s.GetRequiredService<ServerOptions>();
            return new ServerParts(options, ModelLocation.Resolve(options.Model), s.GetRequiredService<IInference>(), s.GetRequiredService<ILoggerFactory>(), s.GetRequiredService<TimeProvider>());
        });
        services.TryAddSingleton(s => s.GetRequiredService<ServerParts>().Metrics);
        services.TryAddSingleton<IChatClient, LorikeetChatClient>();
        services.TryAddSingleton<IEmbeddingGenerator<string, Embedding<float>>, LorikeetEmbeddingGenerator>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, LorikeetLifetime>());
        services.AddHealthChecks().AddCheck<LorikeetHealth>("lorikeet", tags: ["ready"]);
        // A host gives up on its services after a time of its own; answers have theirs.
        services.AddOptions<HostOptions>().Configure<IOptions<ServerOptions>>((host, options) =>
            host.ShutdownTimeout = TimeSpan.FromTicks(Math.Max(host.ShutdownTimeout.Ticks, (options.Value.DrainTime + TimeSpan.FromSeconds(5)).Ticks)));
        return services;
    }
}
