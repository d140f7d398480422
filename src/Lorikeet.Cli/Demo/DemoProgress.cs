using System.Diagnostics;

namespace Lorikeet.Cli.Demo;

/// <summary>One line on a terminal that shows how far something is; nothing elsewhere.</summary>
/// <param name="what">What is done.</param>
internal sealed class DemoProgress(string what) : IDisposable
{
    private readonly bool live = !Console.IsOutputRedirected;
    private long shown;
    private bool clear = true;

    /// <summary>Shows a count, at most ten times a second.</summary>
    public void Show(int done, int all)
    {
        if (live && (done == all || Stopwatch.GetElapsedTime(shown).TotalMilliseconds >= 100))
        {
            shown = Stopwatch.GetTimestamp();
            clear = false;
            Console.Write($"\r{what}: {done} of {all}");
        }
    }

    /// <summary>Takes the line away.</summary>
    public void Clear()
    {
        if (!clear)
        {
            clear = true;
            Console.Write("\r\u001b[K");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();
}
