using System.Diagnostics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Counts what a run uses, against its limits.</summary>
internal sealed class Budget(TemplateLimits limits, CancellationToken stop)
{
    // Comparisons and hashes of values have no run at hand, yet may walk structures that are exponentially large.
    [ThreadStatic]
    private static Budget? current;

    private const int StepsBetweenLooks = 1 << 10;
    private const long WorkBetweenLooks = 1 << 22;
    private readonly long start = Stopwatch.GetTimestamp();
    private long steps;
    private long size;
    private long work;
    private int depth;

    /// <summary>The most characters or items of one value.</summary>
    public int ValueSize => limits.ValueSize;

    /// <summary>Makes this the budget of what runs on this thread; gives the one before.</summary>
    public Budget? Begin()
    {
        Budget? before = current;
        current = this;
        return before;
    }

    /// <summary>Goes back to the budget before.</summary>
    public static void End(Budget? before) => current = before;

    /// <summary>Counts a step, and characters that are looked at, of what runs on this thread.</summary>
    public static void Spend(int characters = 0)
    {
        current?.Step();
        current?.Work(characters);
    }

    /// <summary>Counts a step.</summary>
    public void Step()
    {
        if ((++steps & (StepsBetweenLooks - 1)) == 0)
        {
            Look();
        }
    }

    /// <summary>Counts characters or items that are about to be made.</summary>
    public void Make(long count)
    {
        if (count > limits.ValueSize)
        {
            throw Raise.Limit($"a value of {count} characters or items would be made; at most {limits.ValueSize} are allowed");
        }
        size += count;
        if (size > limits.TotalSize)
        {
            throw Raise.Limit($"values of more than {limits.TotalSize} characters and items were made; the template is refused");
        }
        Work(count);
    }

    /// <summary>Counts characters or items that are looked at, so that the clock is too.</summary>
    public void Work(long count)
    {
        work += count;
        if (work >= WorkBetweenLooks)
        {
            work = 0;
            Look();
        }
    }

    /// <summary>Goes one call deeper.</summary>
    public void Enter()
    {
        if (++depth > limits.CallDepth)
        {
            throw Raise.Limit($"more than {limits.CallDepth} calls lie inside each other; does a macro call itself without end?");
        }
    }

    /// <summary>Comes back from a call.</summary>
    public void Leave() => depth--;

    private void Look()
    {
        stop.ThrowIfCancellationRequested();
        if (steps > limits.Steps)
        {
            throw Raise.Limit($"the template took more than {limits.Steps} steps; does a loop run without end?");
        }
        if (Stopwatch.GetElapsedTime(start) > limits.Time)
        {
            throw Raise.Limit($"the template ran for more than {limits.Time.TotalSeconds:0.###} seconds");
        }
    }
}
