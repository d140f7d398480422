using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary>How long a request has, from its arrival.</summary>
/// <param name="Whole">Until it has ended.</param>
/// <param name="Queue">Until it runs, where its client listens no longer than that for a first byte; null: no other limit.</param>
internal readonly record struct TimeLimit(TimeSpan Whole, TimeSpan? Queue = null)
{
    // What OpenAI's clients for Python and for Node say of themselves, in seconds.
    private static readonly string[] Stainless = ["x-stainless-read-timeout", "X-Stainless-Timeout"];

    /// <summary>True: it has passed.</summary>
    public bool IsOver => Whole <= TimeSpan.Zero || Queue <= TimeSpan.Zero;

    public static implicit operator TimeLimit(TimeSpan whole) => new(whole);

    /// <summary>Reads <c>X-Lorikeet-Deadline-Ms</c>, and the time-outs that official clients tell.</summary>
    /// <exception cref="ApiException">400: the header is no number.</exception>
    public static TimeLimit Read(IHeaderDictionary headers, ServerLimits limits)
    {
        TimeSpan whole = limits.Deadline;
        if (headers["X-Lorikeet-Deadline-Ms"].ToString() is { Length: > 0 } asked)
        {
            whole = long.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out long ms) && ms > 0
                ? TimeSpan.FromMilliseconds(Math.Min(ms, limits.LongestDeadline.TotalMilliseconds))
                : throw ApiException.Value("X-Lorikeet-Deadline-Ms", "the header X-Lorikeet-Deadline-Ms is no integer of 1 or more");
        }
        TimeSpan? queue = null;
        foreach (string name in Stainless)
        {
            // A hint that makes no sense is none.
            if (double.TryParse(headers[name], NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) && seconds > 0 && seconds < whole.TotalSeconds)
            {
                queue = TimeSpan.FromSeconds(seconds);
            }
        }
        return new TimeLimit(whole, queue);
    }

    /// <summary>What is left of it after a time.</summary>
    public TimeLimit After(TimeSpan passed) => new(Whole - passed, Queue - passed);
}
