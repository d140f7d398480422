namespace Lorikeet.Server;

/// <summary>The names a key may use: patterns with <c>*</c> (any run) and <c>?</c> (one character), all as one automaton of bits, linear in the name.</summary>
/// <remarks>Bit i of a pattern: its first i characters are matched. A star keeps its bit alive on every character.</remarks>
internal sealed class NamePatterns
{
    private readonly ulong[] start;
    private readonly ulong[] end;
    private readonly ulong[] loop;
    private readonly ulong[] any;
    private readonly Dictionary<char, ulong[]> byCharacter = [];
    private readonly int words;

    public NamePatterns(IReadOnlyList<string> patterns)
    {
        List<(string Text, bool[] Stars)> parts = [.. patterns.Select(Split)];
        int bits = parts.Sum(p => p.Text.Length + 1);
        words = (bits + 63) / 64;
        start = new ulong[words];
        end = new ulong[words];
        loop = new ulong[words];
        any = new ulong[words];
        int at = 0;
        foreach ((string text, bool[] stars) in parts)
        {
            Set(start, at);
            for (int i = 0; i <= text.Length; i++)
            {
                if (stars[i])
                {
                    Set(loop, at + i);
                }
                if (i < text.Length)
                {
                    Set(text[i] == '?' ? any : Of(text[i]), at + i);
                }
            }
            at += text.Length;
            Set(end, at++);
        }
    }

    /// <summary>Whether one of the patterns matches the whole name.</summary>
    public bool Matches(string name)
    {
        ulong[] now = (ulong[])start.Clone();
        foreach (char c in name)
        {
            ulong[]? mask = byCharacter.GetValueOrDefault(c);
            ulong carry = 0;
            for (int i = 0; i < words; i++)
            {
                ulong stepped = now[i] & (any[i] | (mask?[i] ?? 0));
                ulong next = (stepped << 1) | carry | (now[i] & loop[i]);
                carry = stepped >> 63;
                now[i] = next;
            }
        }
        ulong matched = 0;
        for (int i = 0; i < words; i++)
        {
            matched |= now[i] & end[i];
        }
        return matched != 0;
    }

    // The characters without the stars, and before which of them (or at the end) a star stands.
    private static (string Text, bool[] Stars) Split(string pattern)
    {
        string text = pattern.Replace("*", "", StringComparison.Ordinal);
        bool[] stars = new bool[text.Length + 1];
        int at = 0;
        foreach (char c in pattern)
        {
            if (c == '*')
            {
                stars[at] = true;
            }
            else
            {
                at++;
            }
        }
        return (text, stars);
    }

    private ulong[] Of(char c) => byCharacter.TryGetValue(c, out ulong[]? mask) ? mask : byCharacter[c] = new ulong[words];

    private static void Set(ulong[] bits, int at) => bits[at >> 6] |= 1UL << (at & 63);
}
