using System.Diagnostics;
using Lorikeet.Training;

namespace Lorikeet.Cli.Demo;

/// <summary>One line that shows how far a run is: rewritten on a terminal, printed once at the end elsewhere.</summary>
/// <param name="what">What runs.</param>
/// <param name="steps">Its steps.</param>
internal sealed class DemoProgress(string what, int steps) : IDisposable
{
    private const int BarWidth = 24;
    private readonly bool live = !Console.IsOutputRedirected;
    private long shown;

    /// <summary>Shows a step, at most ten times a second.</summary>
    /// <param name="e">The step.</param>
    public void Show(StepEvent e)
    {
        if (!live || (Stopwatch.GetElapsedTime(shown).TotalMilliseconds < 100 && e.Step < steps))
        {
            return;
        }
        shown = Stopwatch.GetTimestamp();
        int done = BarWidth * e.Step / steps;
        Rewrite($"{what}: [{new string('#', done)}{new string('.', BarWidth - done)}] {e.Step}/{steps}  loss {e.Loss:F2}  {e.TokensPerSecond:N0} tokens/s  {e.Remaining.TotalSeconds:F0} s left");
    }

    /// <summary>Puts the result in the line's place.</summary>
    /// <param name="result">The result.</param>
    public void Finish(string result)
    {
        if (live)
        {
            Rewrite($"{what}: {result}");
            Console.WriteLine();
        }
        else
        {
            Console.WriteLine($"{what}: {result}");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (live && Console.CursorLeft > 0)
        {
            Console.WriteLine();
        }
    }

    private static void Rewrite(string line)
    {
        int width = Math.Max(20, Console.WindowWidth - 1);
        Console.Write("\r" + (line.Length > width ? line[..width] : line.PadRight(width)));
    }
}
