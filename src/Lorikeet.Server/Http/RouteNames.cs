using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Lorikeet.Server;

/// <summary>Names in paths; a slash inside one may be written <c>%2F</c>, which the server leaves as it is.</summary>
internal static class RouteNames
{
    public static string Of(HttpContext http, string parameter) =>
        (http.GetRouteValue(parameter) as string ?? "").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
}
