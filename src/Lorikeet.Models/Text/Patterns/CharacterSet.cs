using System.Globalization;
using System.Text;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.Patterns;

/// <summary>A set of code points for matching: a bit for each of the basic plane, ranges above it.</summary>
internal sealed class CharacterSet
{
    private const int MostCodePoint = 0x10FFFF;
    private static readonly Lazy<Dictionary<int, List<int>>> Cases = new(FindCases);

    private readonly ulong[] basic = new ulong[0x10000 / 64];
    private readonly CodePointSet members;

    private CharacterSet(CodePointSet members)
    {
        this.members = members;
        foreach ((int first, int last) in members.Ranges)
        {
            for (int c = first; c <= Math.Min(last, 0xFFFF); c++)
            {
                basic[c >> 6] |= 1UL << (c & 63);
            }
        }
    }

    /// <summary>The members as ranges.</summary>
    public IEnumerable<(int First, int Last)> Ranges => members.Ranges;

    /// <summary>Whether it has no member.</summary>
    public bool IsEmpty => !members.Ranges.Any();

    public static CharacterSet Of(IEnumerable<(int First, int Last)> ranges) => new(CodePointSet.Of(ranges));

    public static CharacterSet Of(int codePoint) => Of([(codePoint, codePoint)]);

    /// <summary>The code points that a test accepts.</summary>
    public static CharacterSet Where(Func<int, UnicodeCategory, bool> accepts)
    {
        List<(int, int)> ranges = [];
        int start = -1;
        for (int c = 0; c <= MostCodePoint + 1; c++)
        {
            bool member = c <= MostCodePoint && c is not (>= 0xD800 and <= 0xDFFF) && accepts(c, CharUnicodeInfo.GetUnicodeCategory(c));
            if (member && start < 0)
            {
                start = c;
            }
            else if (!member && start >= 0)
            {
                ranges.Add((start, c - 1));
                start = -1;
            }
        }
        return Of(ranges);
    }

    public bool Has(char unit) => (basic[unit >> 6] >> (unit & 63) & 1) != 0;

    public bool Has(int codePoint) => codePoint <= 0xFFFF ? Has((char)codePoint) : members.Contains(codePoint);

    public CharacterSet Not()
    {
        List<(int, int)> ranges = [];
        int next = 0;
        foreach ((int first, int last) in members.Ranges)
        {
            if (first > next)
            {
                ranges.Add((next, first - 1));
            }
            next = last + 1;
        }
        if (next <= MostCodePoint)
        {
            ranges.Add((next, MostCodePoint));
        }
        return Of(ranges);
    }

    public CharacterSet Or(CharacterSet other) => Of(Ranges.Concat(other.Ranges));

    public CharacterSet And(CharacterSet other) => Not().Or(other.Not()).Not();

    /// <summary>With all characters that differ from a member by case alone.</summary>
    public CharacterSet IgnoreCase()
    {
        List<(int, int)> more = [];
        foreach (List<int> same in Cases.Value.Values)
        {
            if (same.Exists(Has))
            {
                more.AddRange(same.Select(c => (c, c)));
            }
        }
        return Of(Ranges.Concat(more));
    }

    // Characters that are the same but for case, by the small letter that they fold to.
    private static Dictionary<int, List<int>> FindCases()
    {
        Dictionary<int, List<int>> byFold = [];
        for (int c = 0; c <= MostCodePoint; c++)
        {
            if (Rune.IsValid(c) && Fold(c) is var fold && (fold != c || Rune.ToUpperInvariant(new Rune(c)).Value != c))
            {
                if (!byFold.TryGetValue(fold, out List<int>? same))
                {
                    byFold.Add(fold, same = [fold]);
                }
                if (c != fold)
                {
                    same.Add(c);
                }
            }
        }
        return byFold;
    }

    // Unicode's simple folding, and the few that are the same by the full one; the Turkish letters fold to themselves.
    private static int Fold(int codePoint) => codePoint switch
    {
        0x130 or 0x131 => codePoint,
        0x17F => 's',
        0x212A => 'k',
        0x1FD3 => 0x390,
        0x1FE3 => 0x3B0,
        0xFB05 => 0xFB06,
        _ => Rune.ToLowerInvariant(Rune.ToUpperInvariant(new Rune(codePoint))).Value,
    };
}
