using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Lorikeet.Server;

/// <summary>The OpenAI-compatible server: one base model, an adapter for every request.</summary>
public sealed partial class LorikeetServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ServerParts parts;
    private readonly ServerOptions options;

    private LorikeetServer(WebApplication app, ServerParts parts, ServerOptions options)
    {
        this.app = app;
        this.parts = parts;
        this.options = options;
    }

    /// <summary>Where it listens, for example <c>http://127.0.0.1:8000</c>; known once started.</summary>
    public Uri Address => new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>Whether keys are demanded.</summary>
    public bool Keyed => parts.Keys.On;

    internal ServerParts Parts => parts;

    /// <summary>What answers, as ASP.NET has it.</summary>
    internal IEnumerable<RouteEndpoint> Endpoints => ((IEndpointRouteBuilder)app).DataSources.SelectMany(d => d.Endpoints).OfType<RouteEndpoint>();

    /// <summary>Loads the model and makes the server; it does not listen yet.</summary>
    /// <param name="options">What it serves and how.</param>
    /// <param name="logging">Where it logs; null: warnings and errors to standard error.</param>
    /// <exception cref="IOException">The model's files are absent or wrong.</exception>
    /// <exception cref="ArgumentException">An option has a value it cannot have.</exception>
    public static LorikeetServer Create(ServerOptions options, Action<ILoggingBuilder>? logging = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Create(options, _ => { }, logging);
    }

    /// <summary>Makes a server; what <paramref name="replace"/> adds to the services stands in for the product's own.</summary>
    internal static LorikeetServer Create(ServerOptions options, Action<IServiceCollection> replace, Action<ILoggingBuilder>? logging)
    {
        if (ServerOptionsCheck.Faults(options).FirstOrDefault() is { } fault)
        {
            throw new ArgumentException(fault);
        }
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = [], ApplicationName = "lorikeet" });
        builder.Logging.ClearProviders();
        if (logging is null)
        {
            builder.Logging.SetMinimumLevel(LogLevel.Warning).AddSimpleConsole(o => o.SingleLine = true);
            builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(o => o.LogToStandardErrorThreshold = LogLevel.Trace);
        }
        else
        {
            logging(builder.Logging);
        }
        // Signals are the caller's: it drains before the listener closes.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.AddSingleton(Options.Create(options));
        replace(builder.Services);
        builder.Services.AddParts();
        builder.WebHost.ConfigureKestrel(kestrel => Configure(kestrel, options));
        if (options.Origins.Count > 0)
        {
            builder.Services.AddCors(cors => cors.AddDefaultPolicy(policy => policy.WithOrigins([.. options.Origins]).AllowAnyHeader().AllowAnyMethod()));
        }
        WebApplication app = builder.Build();
        ServerParts parts;
        try
        {
            parts = app.Services.GetRequiredService<ServerParts>();
        }
        catch
        {
            // The model may be loaded already.
            ((IDisposable)app).Dispose();
            throw;
        }
        app.UseMiddleware<RequestPipeline>();
        if (options.Origins.Count > 0)
        {
            app.UseCors();
        }
        app.UseRouting();
        // Paths and methods that lead nowhere: a key is asked for before that is said.
        app.Use((http, next) =>
        {
            if (http.GetEndpoint() is not RouteEndpoint)
            {
                parts.Keys.Find(http.Request.Headers.Authorization);
            }
            return next(http);
        });
        parts.Map(app);
        return new LorikeetServer(app, parts, options);
    }

    /// <summary>Registers the adapters of the options and listens.</summary>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="IOException">The address is taken.</exception>
    public Task StartAsync(CancellationToken stop = default) => app.StartAsync(stop);

    /// <summary>Refuses new requests, lets running ones finish within <see cref="ServerOptions.DrainTime"/>, and stops.</summary>
    public async Task StopAsync()
    {
        await parts.Admission.DrainAsync(options.DrainTime);
        using CancellationTokenSource over = new(TimeSpan.FromSeconds(5));
        await app.StopAsync(over.Token);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => app.DisposeAsync();

    /// <summary>Makes a key in a registry, as the first one must be made.</summary>
    /// <param name="registry">The registry, as in <see cref="ServerOptions.Registry"/>.</param>
    /// <param name="tenant">Whose key it is.</param>
    /// <param name="scopes">What it may do: infer, manage, admin, metrics.</param>
    /// <param name="adapters">Names or patterns it may use; null: the base, all of the tenant and shared.</param>
    /// <param name="label">A note; null: none.</param>
    /// <returns>The key's id and its secret, which is not kept.</returns>
    /// <exception cref="ArgumentException">A value is none it can have.</exception>
    public static async Task<(string Id, string Secret)> CreateKeyAsync(string registry, string tenant, IReadOnlyList<string> scopes, IReadOnlyList<string>? adapters = null, string? label = null)
    {
        await using Registry opened = new(RegistryDatabase.Of(registry), TimeSpan.FromHours(1), TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<Registry>.Instance);
        System.Text.Json.JsonElement body = JsonText.Element(json =>
        {
            json.WriteStartObject();
            json.WriteString("tenant", tenant);
            json.WriteString("label", label);
            Strings("scopes", scopes);
            if (adapters is not null)
            {
                Strings("adapters", adapters);
            }
            json.WriteEndObject();

            void Strings(string name, IEnumerable<string> values)
            {
                json.WriteStartArray(name);
                foreach (string value in values)
                {
                    json.WriteStringValue(value);
                }
                json.WriteEndArray();
            }
        });
        try
        {
            (KeyRecord key, string secret) = await KeyEndpoint.MakeAsync(opened, new Fields(body), new ServerLimits());
            return (key.Id, secret);
        }
        catch (ApiException e)
        {
            throw new ArgumentException(e.Message, e);
        }
    }

    private static void Configure(KestrelServerOptions kestrel, ServerOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = options.Limits.UploadBytes;
        kestrel.Limits.MaxRequestHeadersTotalSize = options.Limits.HeaderBytes;
        kestrel.Limits.MaxRequestLineSize = options.Limits.RequestLineBytes;
        kestrel.Limits.MaxConcurrentConnections = options.Limits.Connections;
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(120);
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5));
        kestrel.AllowSynchronousIO = false;
        if (options.Host == "localhost")
        {
            kestrel.Listen(IPAddress.Loopback, options.Port, listen => BareAnswers.Use(listen, options.VllmErrors));
        }
        else
        {
            kestrel.Listen(IPAddress.Parse(options.Host), options.Port, listen => BareAnswers.Use(listen, options.VllmErrors));
        }
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
