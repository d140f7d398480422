namespace Lorikeet.Models.Text;

/// <summary>What a chat template may use: templates come with downloaded models and are programs.</summary>
public sealed record TemplateLimits
{
    /// <summary>The limits used unless others are given.</summary>
    public static TemplateLimits Default { get; } = new();

    /// <summary>The most characters of a template's source (UTF-16 units); default 1 Mi.</summary>
    public int SourceCharacters { get; init; } = 1 << 20;

    /// <summary>The most steps: an expression evaluated, a statement run or an item taken is one; default 20 million.</summary>
    public long Steps { get; init; } = 20_000_000;

    /// <summary>The most characters of one text and items of one list (UTF-16 units, items); default 16 Mi.</summary>
    public int ValueSize { get; init; } = 16 << 20;

    /// <summary>The most characters and items of everything that is made during a run, together; default 128 Mi.</summary>
    public long TotalSize { get; init; } = 128L << 20;

    /// <summary>The most macro and loop calls inside each other; default 200, about what Python allows.</summary>
    public int CallDepth { get; init; } = 200;

    /// <summary>The most time of a run; default 10 seconds.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(10);
}
