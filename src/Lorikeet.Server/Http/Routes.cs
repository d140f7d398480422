using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Lorikeet.Server;

/// <summary>Puts handlers at paths: key and scope come first, for every route that does not say otherwise.</summary>
internal sealed class Routes(IEndpointRouteBuilder app, KeyRing keys)
{
    private readonly List<Route> all = [];

    /// <summary>What the OpenAPI document lists.</summary>
    public IReadOnlyList<Route> All => all;

    /// <summary>A route for callers with a scope; null: any key.</summary>
    public void Add(string method, string path, string? scope, string summary, Func<HttpContext, Caller, Task> handler, IEnumerable<string>? fields = null, string tag = "inference")
    {
        Route route = new(method, path, scope, summary, fields is null ? [] : [.. fields], tag);
        all.Add(route);
        app.MapMethods(path, [method], async (HttpContext http) =>
        {
            Caller caller = keys.Find(http.Request.Headers.Authorization);
            if (scope is not null)
            {
                caller.Demand(scope);
            }
            await handler(http, caller);
        }).WithMetadata(route);
    }

    /// <summary>A route that needs no key.</summary>
    public void Open(string method, string path, string summary, Func<HttpContext, Task> handler)
    {
        Route route = new(method, path, null, summary, [], "service");
        all.Add(route);
        app.MapMethods(path, [method], (HttpContext http) => handler(http)).WithMetadata(route);
    }

    /// <summary>One route.</summary>
    internal sealed record Route(string Method, string Path, string? Scope, string Summary, IReadOnlyList<string> Fields, string Tag);
}
