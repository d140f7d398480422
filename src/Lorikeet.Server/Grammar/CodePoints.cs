namespace Lorikeet.Server;

/// <summary>A set of Unicode characters, as ranges in ascending order that do not touch; surrogates are none.</summary>
internal sealed class CodePoints
{
    private const int Last = 0x10FFFF;

    private CodePoints(IReadOnlyList<(int First, int Last)> ranges) => Ranges = ranges;

    public static CodePoints All { get; } = new([(0, Last)]);

    public IReadOnlyList<(int First, int Last)> Ranges { get; }

    public static CodePoints Of(params IEnumerable<(int First, int Last)> ranges)
    {
        List<(int First, int Last)> merged = [];
        foreach ((int first, int last) in ranges.OrderBy(r => r.First))
        {
            if (merged.Count > 0 && first <= merged[^1].Last + 1)
            {
                merged[^1] = (merged[^1].First, Math.Max(merged[^1].Last, last));
            }
            else
            {
                merged.Add((first, last));
            }
        }
        return new CodePoints(merged);
    }

    public CodePoints Complement()
    {
        List<(int, int)> gaps = [];
        int next = 0;
        foreach ((int first, int last) in Ranges)
        {
            if (first > next)
            {
                gaps.Add((next, first - 1));
            }
            next = last + 1;
        }
        if (next <= Last)
        {
            gaps.Add((next, Last));
        }
        return new CodePoints(gaps);
    }

    public CodePoints Except(CodePoints other) => Of([.. Complement().Ranges, .. other.Ranges]).Complement();
}
