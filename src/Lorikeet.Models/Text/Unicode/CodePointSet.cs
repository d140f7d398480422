using System.Globalization;

namespace Lorikeet.Models.Text.Unicode;

/// <summary>A set of code points as sorted ranges.</summary>
internal sealed class CodePointSet
{
    private readonly int[] first;
    private readonly int[] last;

    private CodePointSet(int[] first, int[] last)
    {
        this.first = first;
        this.last = last;
    }

    /// <summary>Reads ascending hexadecimal ranges (<c>0041-005A 00AA</c>), separated by white space.</summary>
    public static CodePointSet Parse(string ranges)
    {
        string[] parts = ranges.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        int[] first = new int[parts.Length];
        int[] last = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            int dash = parts[i].IndexOf('-', StringComparison.Ordinal);
            first[i] = Hexadecimal(dash < 0 ? parts[i] : parts[i].AsSpan(0, dash));
            last[i] = dash < 0 ? first[i] : Hexadecimal(parts[i].AsSpan(dash + 1));
        }
        return new CodePointSet(first, last);
    }

    public static int Hexadecimal(ReadOnlySpan<char> digits) => int.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    /// <summary>Its ranges, ascending and apart.</summary>
    public IEnumerable<(int First, int Last)> Ranges => first.Zip(last);

    /// <summary>Makes a set of any ranges.</summary>
    public static CodePointSet Of(IEnumerable<(int First, int Last)> ranges)
    {
        List<int> starts = [], ends = [];
        foreach ((int from, int to) in ranges.Order())
        {
            if (ends.Count > 0 && from <= ends[^1] + 1)
            {
                ends[^1] = Math.Max(ends[^1], to);
                continue;
            }
            starts.Add(from);
            ends.Add(to);
        }
        return new CodePointSet([.. starts], [.. ends]);
    }

    /// <summary>Sets the entries of its members in a table of the first code points.</summary>
    public void Mark(byte[] table, byte value)
    {
        foreach ((int from, int to) in Ranges)
        {
            for (int c = from; c <= to && c < table.Length; c++)
            {
                table[c] = value;
            }
        }
    }

    public bool Contains(int codePoint)
    {
        int at = Array.BinarySearch(first, codePoint);
        return at >= 0 || (~at > 0 && codePoint <= last[~at - 1]);
    }
}
