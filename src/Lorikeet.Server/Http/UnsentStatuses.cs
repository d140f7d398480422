using System.Diagnostics;
using Microsoft.AspNetCore.Http.Features;

namespace Lorikeet.Server;

/// <summary>Closes connections on which the web server would by itself answer 408 or a 5xx: clients repeat those, and what came was no whole request.</summary>
internal sealed class UnsentStatuses : IObserver<KeyValuePair<string, object?>>
{
    private const string BadRequest = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";

    /// <summary>Begins; it ends with the listener.</summary>
    public static void Watch(DiagnosticListener listener) => listener.Subscribe(new UnsentStatuses(), (name, _, _) => name == BadRequest);

    public void OnNext(KeyValuePair<string, object?> value)
    {
        if (value.Key == BadRequest && value.Value is IFeatureCollection features
            && features.Get<IBadRequestExceptionFeature>()?.Error is Microsoft.AspNetCore.Http.BadHttpRequestException { StatusCode: 408 or >= 500 })
        {
            features.Get<IHttpRequestLifetimeFeature>()?.Abort();
        }
    }

    public void OnCompleted()
    {
        // Nothing is kept that could be given back.
    }

    public void OnError(Exception error)
    {
        // What goes wrong with a connection ends with it.
    }
}
