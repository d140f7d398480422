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
    /// <param name="method">The method.</param>
    /// <param name="path">The path's pattern.</param>
    /// <param name="scope">The scope, or null.</param>
    /// <param name="summary">What it does, for the OpenAPI document.</param>
    /// <param name="handler">Answers.</param>
    /// <param name="fields">The body's members.</param>
    /// <param name="tag">Its group.</param>
    /// <param name="answer">What it answers: names of schemas or content types, with blanks between.</param>
    /// <param name="query">Its query parameters.</param>
    public void Add(
        string method, string path, string? scope, string summary, Func<HttpContext, Caller, Task> handler, IEnumerable<string>? fields = null, string tag = "inference", string answer = "Object", IReadOnlyList<string>? query = null)
    {
        Route route = new(method, path, scope, summary, fields is null ? [] : [.. fields], tag) { Keyed = true, Answer = answer, Query = query ?? [] };
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
    public void Open(string method, string path, string summary, Func<HttpContext, Task> handler, string answer = "")
    {
        Route route = new(method, path, null, summary, [], "service") { Answer = answer };
        all.Add(route);
        app.MapMethods(path, [method], (HttpContext http) => handler(http)).WithMetadata(route);
    }

    /// <summary>One route.</summary>
    internal sealed record Route(string Method, string Path, string? Scope, string Summary, IReadOnlyList<string> Fields, string Tag)
    {
        /// <summary>Whether it needs a key where keys are on.</summary>
        public bool Keyed { get; init; }

        /// <summary>What it answers.</summary>
        public string Answer { get; init; } = "";

        public IReadOnlyList<string> Query { get; init; } = [];

        /// <summary>Whether its body is an adapter's files.</summary>
        public bool Upload => Method == "PUT";

        /// <summary>Whether what it makes is new: 201.</summary>
        public bool Created => Method == "POST" && Answer == "Key";
    }
}
