namespace Lorikeet.Models.Text.Templates;

/// <summary><c>split</c>, <c>rsplit</c> and <c>partition</c>.</summary>
internal static class StringSplitting
{
    public static Value Split(Interpreter run, StringValue self, Bound a, bool fromRight)
    {
        string? separator = a.Text(0);
        int most = a.Number(1, -1);
        List<string> parts = separator is null ? Words(self.Text, most, fromRight)
            : separator.Length == 0 ? throw Raise.Runtime("empty separator")
            : fromRight ? RightParts(run, self.Text, separator, most) : Parts(run, self.Text, separator, most);
        return List(run, self, parts);
    }

    public static Value Partition(Interpreter run, StringValue self, Bound a, bool last)
    {
        string separator = a.Text(0) is { } text ? text : throw Raise.Runtime("must be str, not NoneType");
        if (separator.Length == 0)
        {
            throw Raise.Runtime("empty separator");
        }
        int at = last ? TextSearch.LastIndexOf(run, self.Text, separator, 0, self.Text.Length) : TextSearch.IndexOf(run, self.Text, separator, 0);
        run.Budget.Make(self.Text.Length);
        return at >= 0
            ? new TupleValue([self.Like(self.Text[..at]), self.Like(separator), self.Like(self.Text[(at + separator.Length)..])])
            : new TupleValue(last ? [self.Like(""), self.Like(""), self] : [self, self.Like(""), self.Like("")]);
    }

    /// <summary>A list of parts of a text.</summary>
    public static ListValue List(Interpreter run, StringValue self, List<string> parts)
    {
        run.Budget.Make(parts.Count + self.Text.Length);
        return new ListValue(parts.ConvertAll(part => (Value)self.Like(part)));
    }

    private static List<string> Parts(Interpreter run, string text, string separator, int most)
    {
        List<string> parts = [];
        int from = 0;
        for (int at = TextSearch.IndexOf(run, text, separator, 0); at >= 0 && (most < 0 || parts.Count < most); at = TextSearch.IndexOf(run, text, separator, from))
        {
            parts.Add(text[from..at]);
            from = at + separator.Length;
        }
        parts.Add(text[from..]);
        return parts;
    }

    private static List<string> RightParts(Interpreter run, string text, string separator, int most)
    {
        List<string> parts = [];
        int end = text.Length;
        while (most < 0 || parts.Count < most)
        {
            int at = TextSearch.LastIndexOf(run, text, separator, 0, end);
            if (at < 0)
            {
                break;
            }
            parts.Add(text[(at + separator.Length)..end]);
            end = at;
        }
        parts.Add(text[..end]);
        parts.Reverse();
        return parts;
    }

    // At runs of white space; what is left when the most splits are done keeps its inner white space.
    private static List<string> Words(string text, int most, bool fromRight) => fromRight ? RightWords(text, most) : LeftWords(text, most);

    private static List<string> LeftWords(string text, int most)
    {
        List<string> words = [];
        for (int i = Skip(text, 0); i < text.Length;)
        {
            if (most >= 0 && words.Count == most)
            {
                words.Add(text[i..]);
                break;
            }
            int start = i;
            while (i < text.Length && !CharacterFacts.IsSpace(text[i]))
            {
                i++;
            }
            words.Add(text[start..i]);
            i = Skip(text, i);
        }
        return words;
    }

    private static List<string> RightWords(string text, int most)
    {
        List<string> words = [];
        for (int end = SkipBack(text, text.Length); end > 0;)
        {
            if (most >= 0 && words.Count == most)
            {
                words.Add(text[..end]);
                break;
            }
            int start = end;
            while (start > 0 && !CharacterFacts.IsSpace(text[start - 1]))
            {
                start--;
            }
            words.Add(text[start..end]);
            end = SkipBack(text, start);
        }
        words.Reverse();
        return words;
    }

    private static int Skip(string text, int at)
    {
        while (at < text.Length && CharacterFacts.IsSpace(text[at]))
        {
            at++;
        }
        return at;
    }

    private static int SkipBack(string text, int at)
    {
        while (at > 0 && CharacterFacts.IsSpace(text[at - 1]))
        {
            at--;
        }
        return at;
    }
}
