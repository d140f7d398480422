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

    public bool Contains(int codePoint)
    {
        int at = Array.BinarySearch(first, codePoint);
        return at >= 0 || (~at > 0 && codePoint <= last[~at - 1]);
    }
}
