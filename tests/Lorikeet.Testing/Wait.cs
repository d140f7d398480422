using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Lorikeet.Testing;

/// <summary>Waits for what must come, on machines of any speed: what comes is seen within a millisecond, what never comes fails after minutes.</summary>
public static class Wait
{
    /// <summary>How long anything may take on a slow and busy machine; never what a test measures.</summary>
    public static TimeSpan Longest { get; } = TimeSpan.FromMinutes(10);

    /// <summary>Waits until something holds, and fails where it does not within <see cref="Longest"/>.</summary>
    /// <param name="holds">Asked again and again.</param>
    /// <param name="what">What is waited for, for the message.</param>
    public static Task UntilAsync(Func<bool> holds, [CallerArgumentExpression(nameof(holds))] string what = "") => UntilAsync(() => Task.FromResult(holds()), what);

    /// <inheritdoc cref="UntilAsync(Func{bool}, string)"/>
    public static async Task UntilAsync(Func<Task<bool>> holds, [CallerArgumentExpression(nameof(holds))] string what = "")
    {
        long start = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Longest, $"it did not come to pass within {Longest}: {what}");
            await Task.Delay(1);
        }
    }
}
