namespace Lorikeet.Models.Text.Templates;

/// <summary><c>wordwrap</c>: Python's textwrap on each line of a text.</summary>
internal static class WordWrap
{
    public static Value Filter(Interpreter run, Value value, Bound a)
    {
        StringValue text = value as StringValue
            ?? throw (value is UndefinedValue undefined ? undefined.Fail() : Raise.Runtime($"'{value.TypeName}' object has no attribute 'splitlines'"));
        int width = a.Number(0, 79);
        bool breakWords = a.Flag(1, true), hyphens = a.Flag(3, true);
        string between = a.Text(2) ?? "\n";
        TextBuilder to = new(run.Budget);
        bool first = true;
        foreach (string line in StringText.Lines(text.Text, false))
        {
            to.Append(first ? "" : between);
            first = false;
            bool firstOfLine = true;
            foreach (string part in Wrap(run, line, width, breakWords, hyphens))
            {
                to.Append(firstOfLine ? "" : between).Append(part);
                firstOfLine = false;
            }
        }
        return text.Like(to.ToString());
    }

    private static List<string> Wrap(Interpreter run, string line, int width, bool breakWords, bool hyphens)
    {
        if (width <= 0)
        {
            throw Raise.Runtime($"invalid width {width} (must be > 0)");
        }
        List<string> lines = [];
        Stack<string> chunks = new(Chunks(line, hyphens).AsEnumerable().Reverse());
        while (chunks.Count > 0)
        {
            run.Budget.Step();
            List<string> current = [];
            int length = 0;
            if (lines.Count > 0 && IsBlank(chunks.Peek()))
            {
                chunks.Pop();
            }
            while (chunks.Count > 0 && length + CodePoints.Count(chunks.Peek()) <= width)
            {
                length += CodePoints.Count(chunks.Peek());
                current.Add(chunks.Pop());
            }
            if (chunks.Count > 0 && CodePoints.Count(chunks.Peek()) > width)
            {
                run.Budget.Work(chunks.Peek().Length);
                Break(chunks, current, width - length, breakWords, hyphens);
            }
            if (current.Count > 0 && IsBlank(current[^1]))
            {
                current.RemoveAt(current.Count - 1);
            }
            if (current.Count > 0)
            {
                lines.Add(string.Concat(current));
            }
        }
        return lines;
    }

    // A chunk that is longer than a line: its beginning fills the line, or it stands alone.
    private static void Break(Stack<string> chunks, List<string> current, int room, bool breakWords, bool hyphens)
    {
        room = Math.Max(room, 1);
        if (!breakWords)
        {
            if (current.Count == 0)
            {
                current.Add(chunks.Pop());
            }
            return;
        }
        string chunk = chunks.Pop();
        int count = CodePoints.Count(chunk), end = CodePoints.Offset(chunk, count, Math.Min(room, count));
        if (hyphens && count > room)
        {
            int hyphen = chunk.LastIndexOf('-', end - 1);
            if (hyphen > 0 && chunk[..hyphen].Any(c => c != '-'))
            {
                end = hyphen + 1;
            }
        }
        current.Add(chunk[..end]);
        if (end < chunk.Length)
        {
            chunks.Push(chunk[end..]);
        }
    }

    // Words and the blanks between them; words are cut after hyphens between letters, and around dashes.
    private static List<string> Chunks(string line, bool hyphens)
    {
        List<string> chunks = [];
        for (int i = 0; i < line.Length;)
        {
            int start = i;
            bool blank = IsBlankCharacter(line[i]);
            while (i < line.Length && IsBlankCharacter(line[i]) == blank)
            {
                i++;
            }
            if (blank || !hyphens)
            {
                chunks.Add(line[start..i]);
            }
            else
            {
                AddWord(chunks, line[start..i]);
            }
        }
        return chunks;
    }

    private static void AddWord(List<string> chunks, string word)
    {
        int start = 0;
        for (int i = 1; i < word.Length; i++)
        {
            if (word[i] != '-')
            {
                continue;
            }
            int end = i;
            while (end < word.Length && word[end] == '-')
            {
                end++;
            }
            if (end - i >= 2)
            {
                // A dash between words is a chunk of its own.
                if (CharacterFacts.IsWord(word[i - 1]) || word[i - 1] is '!' or '"' or '\'' or '&' or '.' or ',' or '?')
                {
                    if (end < word.Length && CharacterFacts.IsWord(word[end]))
                    {
                        chunks.Add(word[start..i]);
                        chunks.Add(word[i..end]);
                        start = end;
                    }
                }
                i = end - 1;
            }
            else if (i >= 2 && IsLetter(word[i - 1]) && (IsLetter(word[i - 2]) || word[i - 2] == '-') && i + 2 < word.Length && IsLetter(word[i + 1]) && (IsLetter(word[i + 2]) || word[i + 2] == '-'))
            {
                chunks.Add(word[start..(i + 1)]);
                start = i + 1;
            }
        }
        chunks.Add(word[start..]);
    }

    private static bool IsLetter(char c) => CharacterFacts.IsWord(c) && !char.IsAsciiDigit(c) && !CharacterFacts.IsDecimal(c);

    private static bool IsBlank(string chunk) => StringText.Strip(chunk, null, true, false).Length == 0;

    private static bool IsBlankCharacter(char c) => c is '\t' or '\n' or '\v' or '\f' or '\r' or ' ';
}
