using System.Runtime.CompilerServices;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>Refusals as .NET's own exceptions, for callers in the same process.</summary>
internal static class InProcess
{
    /// <summary>The exception that says the same.</summary>
    public static Exception Translate(ApiException e) => e switch
    {
        { Code: "unsupported_operation" or "unsupported_schema" } => new NotSupportedException(e.Message, e),
        { Status: 429 } => new EngineBusyException(e.Message),
        { Code: "deadline_exceeded" } => new TimeoutException(e.Message, e),
        { Status: < 500 } => new ArgumentException(e.Message, e.Param, e),
        _ => new InvalidOperationException(e.Message, e),
    };

    /// <summary>A sequence whose refusals are translated.</summary>
    public static async IAsyncEnumerable<T> Translated<T>(IAsyncEnumerable<T> source, [EnumeratorCancellation] CancellationToken stop = default)
    {
        await using IAsyncEnumerator<T> items = source.GetAsyncEnumerator(stop);
        while (true)
        {
            try
            {
                if (!await items.MoveNextAsync())
                {
                    yield break;
                }
            }
            catch (ApiException e)
            {
                throw Translate(e);
            }
            yield return items.Current;
        }
    }
}
