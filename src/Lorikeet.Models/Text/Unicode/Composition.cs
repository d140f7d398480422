namespace Lorikeet.Models.Text.Unicode;

/// <summary>Unicode's normal forms (NFC, NFD, NFKC, NFKD), each output with the characters of the input that it stands for.</summary>
/// <remarks>
/// The Unicode Standard, chapter 3.11. Each output carries a change, as Hugging Face's <c>tokenizers</c> counts them: 0 replaces one character,
/// -k replaces one and removes the k after it, +1 was inserted and takes the range of the character before it.
/// </remarks>
internal static class Composition
{
    private const int HangulS = 0xAC00, HangulL = 0x1100, HangulV = 0x1161, HangulT = 0x11A7;
    private const int HangulVCount = 21, HangulTCount = 28, HangulLCount = 19, HangulSCount = HangulLCount * HangulVCount * HangulTCount;

    private static readonly Dictionary<int, int[]> Decompositions = [];
    private static readonly Dictionary<int, int[]> Compatible = [];
    private static readonly Dictionary<(int First, int Second), int> Compositions = [];
    private static readonly Dictionary<int, byte> Classes = [];
    private static readonly HashSet<int> Unstable = [];

    static Composition()
    {
        foreach (string entry in CanonicalData.Decompositions.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            int sign = entry.AsSpan().IndexOfAny('=', '>');
            int composed = CodePointSet.Hexadecimal(entry.AsSpan(0, sign));
            int[] parts = [.. entry[(sign + 1)..].Split('+').Select(p => CodePointSet.Hexadecimal(p))];
            Decompositions.Add(composed, parts);
            if (entry[sign] == '=')
            {
                Compositions.Add((parts[0], parts[1]), composed);
                Unstable.Add(parts[1]);
            }
            else
            {
                Unstable.Add(composed);
            }
        }
        foreach (string entry in CanonicalData.CombiningClasses.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            int colon = entry.IndexOf(':', StringComparison.Ordinal);
            int dash = entry.IndexOf('-', StringComparison.Ordinal);
            int last = CodePointSet.Hexadecimal(entry.AsSpan(dash + 1, colon - dash - 1));
            for (int c = dash < 0 ? last : CodePointSet.Hexadecimal(entry.AsSpan(0, dash)); c <= last; c++)
            {
                Classes.Add(c, (byte)CodePointSet.Hexadecimal(entry.AsSpan(colon + 1)));
                Unstable.Add(c);
            }
        }
        foreach (string entry in CompatibilityData.Decompositions.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            int sign = entry.IndexOf('>', StringComparison.Ordinal);
            int dash = entry.IndexOf('-', StringComparison.Ordinal);
            int first = CodePointSet.Hexadecimal(entry.AsSpan(0, dash < 0 ? sign : dash));
            int last = dash < 0 ? first : CodePointSet.Hexadecimal(entry.AsSpan(dash + 1, sign - dash - 1));
            int[] parts = [.. entry[(sign + 1)..].Split('+').Select(p => CodePointSet.Hexadecimal(p))];
            for (int c = first; c <= last; c++)
            {
                Compatible.Add(c, dash < 0 ? parts : [parts[0] + c - first]);
            }
        }
        for (int v = HangulV; v < HangulT + HangulTCount; v++)
        {
            Unstable.Add(v);
        }
    }

    /// <summary>Whether the text is composed already, by a test that may say no needlessly: no character in it could be changed or joined to one before.</summary>
    public static bool IsStable(ReadOnlySpan<char> text)
    {
        int start = text.IndexOfAnyInRange('\u0300', '\uFFFF');
        if (start < 0)
        {
            return true;
        }
        foreach (System.Text.Rune rune in text[start..].EnumerateRunes())
        {
            if (rune.Value >= 0x300 && Unstable.Contains(rune.Value))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Whether a decomposition certainly changes nothing: all characters are below the first that has one.</summary>
    public static bool IsSimple(ReadOnlySpan<char> text) => text.IndexOfAnyInRange('\u00A0', '\uFFFF') < 0;

    /// <summary>Brings a text into a normal form.</summary>
    /// <param name="text">The text.</param>
    /// <param name="compatible">Whether compatibility decompositions are used too (the K of NFKC and NFKD).</param>
    /// <param name="compose">Whether parts are composed again.</param>
    /// <param name="result">Takes the code points of the result, each with its change.</param>
    public static void Normalize(ReadOnlySpan<char> text, bool compatible, bool compose, List<(int CodePoint, int Change)> result)
    {
        result.Clear();
        Decompose(text, compatible, result);
        Reorder(result);
        if (compose)
        {
            Recompose(result);
        }
    }

    private static void Decompose(ReadOnlySpan<char> text, bool compatible, List<(int CodePoint, int Change)> to)
    {
        foreach (System.Text.Rune rune in text.EnumerateRunes())
        {
            int c = rune.Value;
            int s = c - HangulS;
            if (s is >= 0 and < HangulSCount)
            {
                to.Add((HangulL + s / (HangulVCount * HangulTCount), 0));
                to.Add((HangulV + s / HangulTCount % HangulVCount, 1));
                if (s % HangulTCount != 0)
                {
                    to.Add((HangulT + s % HangulTCount, 1));
                }
                continue;
            }
            int before = to.Count;
            AddParts(c, compatible, to);
            to[before] = (to[before].CodePoint, 0);
        }
    }

    private static void AddParts(int c, bool compatible, List<(int CodePoint, int Change)> to)
    {
        if (c < 0xA0)
        {
            to.Add((c, 1));
            return;
        }
        bool full = compatible && Compatible.TryGetValue(c, out int[]? parts) || Decompositions.TryGetValue(c, out parts);
        if (!full)
        {
            to.Add((c, 1));
            return;
        }
        foreach (int part in parts!)
        {
            AddParts(part, compatible, to);
        }
    }

    // Each run of combining marks is sorted by class, equals in their order.
    private static void Reorder(List<(int CodePoint, int Change)> text)
    {
        for (int i = 0; i < text.Count; i++)
        {
            if (ClassOf(text[i].CodePoint) == 0)
            {
                continue;
            }
            int end = i + 1;
            bool sorted = true;
            while (end < text.Count && ClassOf(text[end].CodePoint) is > 0 and int next)
            {
                sorted &= next >= ClassOf(text[end - 1].CodePoint);
                end++;
            }
            if (!sorted)
            {
                (int CodePoint, int Change)[] run = [.. text[i..end].OrderBy(c => ClassOf(c.CodePoint))];
                for (int k = 0; k < run.Length; k++)
                {
                    text[i + k] = run[k];
                }
            }
            i = end - 1;
        }
    }

    // In place: a composite takes the starter's slot; marks that stay move down behind it.
    private static void Recompose(List<(int CodePoint, int Change)> text)
    {
        int starter = -1;
        int lastClass = -1;
        int to = 0;
        foreach ((int codePoint, int change) in text.ToArray())
        {
            int kind = ClassOf(codePoint);
            if (starter >= 0 && lastClass < kind && TryCompose(text[starter].CodePoint, codePoint, out int composed))
            {
                text[starter] = (composed, text[starter].Change + change - 1);
                continue;
            }
            // Anything after a mark that stayed is blocked unless its class is higher; a starter directly behind the starter may compose.
            lastClass = kind;
            if (kind == 0)
            {
                starter = to;
                lastClass = -1;
            }
            text[to++] = (codePoint, change);
        }
        text.RemoveRange(to, text.Count - to);
    }

    private static bool TryCompose(int first, int second, out int composed)
    {
        int l = first - HangulL;
        int v = second - HangulV;
        if (l is >= 0 and < HangulLCount && v is >= 0 and < HangulVCount)
        {
            composed = HangulS + (l * HangulVCount + v) * HangulTCount;
            return true;
        }
        int s = first - HangulS;
        int t = second - HangulT;
        if (s is >= 0 and < HangulSCount && s % HangulTCount == 0 && t is > 0 and < HangulTCount)
        {
            composed = first + t;
            return true;
        }
        return Compositions.TryGetValue((first, second), out composed);
    }

    private static int ClassOf(int codePoint) => codePoint >= 0x300 && Classes.TryGetValue(codePoint, out byte kind) ? kind : 0;
}
