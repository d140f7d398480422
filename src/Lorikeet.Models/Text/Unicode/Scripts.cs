namespace Lorikeet.Models.Text.Unicode;

/// <summary>The script of each code point.</summary>
internal static class Scripts
{
    /// <summary>Stands for every script: code points that had none.</summary>
    public const int Any = 0;

    /// <summary>No script at all.</summary>
    public const int None = -1;

    private static readonly Dictionary<string, int> Numbers = new(StringComparer.OrdinalIgnoreCase);
    private static readonly List<CodePointSet> Sets = [];
    private static readonly CodePointSet Newer = CodePointSet.Parse(ScriptData.Newer);
    private static readonly byte[] Basic;

    static Scripts()
    {
        Basic = new byte[0x10000];
        string? name = null;
        List<string> ranges = [];
        foreach (string part in ScriptData.Ranges.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Append("End"))
        {
            // Names have small letters, hexadecimal numbers have none.
            if (!part.AsSpan().ContainsAnyInRange('a', 'z'))
            {
                ranges.Add(part);
                continue;
            }
            if (name is not null)
            {
                CodePointSet set = CodePointSet.Parse(string.Join(' ', ranges));
                Sets.Add(set);
                Numbers.Add(name, Sets.Count);
                set.Mark(Basic, (byte)Sets.Count);
            }
            name = part;
            ranges.Clear();
        }
        Han = Numbers["Han"];
        Hiragana = Numbers["Hiragana"];
        Katakana = Numbers["Katakana"];
        // As SentencePiece's own list has them.
        Basic[0x0589] = Basic[0x061C] = (byte)Numbers["Common"];
        Basic[0x0953] = Basic[0x0954] = (byte)Numbers["Devanagari"];
        Newer.Mark(Basic, Any);
    }

    /// <summary>The number of the script.</summary>
    public static int Han { get; }

    /// <inheritdoc cref="Han"/>
    public static int Hiragana { get; }

    /// <inheritdoc cref="Han"/>
    public static int Katakana { get; }

    /// <summary>The script that the UnicodeScripts pre-tokenizer sees: of Unicode 10.</summary>
    public static int Of(int codePoint)
    {
        if (codePoint < Basic.Length)
        {
            return Basic[codePoint];
        }
        return Newer.Contains(codePoint) ? Any : Sets.FindIndex(s => s.Contains(codePoint)) + 1;
    }

    /// <summary>The code points of a script by its name in Unicode 16, without underscores; null for no such script.</summary>
    public static CodePointSet? ByName(string name) => Numbers.TryGetValue(name, out int number) ? Sets[number - 1] : null;
}
