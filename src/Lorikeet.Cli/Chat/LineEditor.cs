using System.Globalization;
using System.Text;

namespace Lorikeet.Cli.Chat;

/// <summary>Reads a line of a terminal key by key: cursor keys, words, history, completion. A line longer than the screen scrolls sideways.</summary>
/// <param name="keys">The next key.</param>
/// <param name="screen">A terminal that knows ANSI's sequences.</param>
/// <param name="width">Its columns.</param>
/// <param name="complete">What a line could become when Tab is pressed.</param>
internal sealed class LineEditor(Func<ConsoleKeyInfo> keys, TextWriter screen, Func<int> width, Func<string, IReadOnlyList<string>> complete)
{
    private const string ClearRest = "\e[K", ClearScreen = "\e[H\e[2J";
    private readonly List<string> history = [];
    private string line = "", prompt = "", kept = "";
    private int at, scroll, place;

    /// <summary>Reads a line.</summary>
    /// <param name="lead">What stands before it.</param>
    /// <returns>The line; null: Ctrl-D at an empty one.</returns>
    /// <exception cref="OperationCanceledException">Ctrl-C twice at an empty line.</exception>
    public string? Read(string lead)
    {
        (prompt, line, kept, at, scroll, place) = (lead, "", "", 0, 0, history.Count);
        bool once = false;
        while (true)
        {
            Show();
            ConsoleKeyInfo key = keys();
            while (char.IsHighSurrogate(key.KeyChar))
            {
                // The other half of the character is the next key.
                Insert(key.KeyChar.ToString());
                key = keys();
            }
            bool control = key.Modifiers.HasFlag(ConsoleModifiers.Control);
            if (control && key.Key == ConsoleKey.C)
            {
                screen.Write("\n");
                if (line.Length == 0 && once)
                {
                    throw new OperationCanceledException();
                }
                if (line.Length == 0)
                {
                    screen.Write("Ctrl-C once more, Ctrl-D or /exit ends the conversation\n");
                    once = true;
                }
                Set("");
                continue;
            }
            once = false;
            if (control && key.Key == ConsoleKey.D && line.Length == 0)
            {
                screen.Write("\n");
                return null;
            }
            if (key.Key == ConsoleKey.Enter || key.KeyChar is '\r' or '\n')
            {
                screen.Write("\n");
                Remember();
                return line;
            }
            Take(key, control);
        }
    }

    private void Take(ConsoleKeyInfo key, bool control)
    {
        switch (key.Key)
        {
            case ConsoleKey.LeftArrow when control: at = WordStart(); break;
            case ConsoleKey.RightArrow when control: at = WordEnd(); break;
            case ConsoleKey.LeftArrow: at = Before(at); break;
            case ConsoleKey.RightArrow: at = After(at); break;
            case ConsoleKey.Home: at = 0; break;
            case ConsoleKey.End: at = line.Length; break;
            case ConsoleKey.UpArrow: Go(place - 1); break;
            case ConsoleKey.DownArrow: Go(place + 1); break;
            case ConsoleKey.Backspace: Cut(Before(at), at); break;
            case ConsoleKey.Delete: Cut(at, After(at)); break;
            case ConsoleKey.Tab: Complete(); break;
            default:
                if (control)
                {
                    TakeControl(key.Key);
                }
                else if (!char.IsControl(key.KeyChar))
                {
                    Insert(key.KeyChar.ToString());
                }
                break;
        }
    }

    private void TakeControl(ConsoleKey key)
    {
        switch (key)
        {
            case ConsoleKey.A: at = 0; break;
            case ConsoleKey.E: at = line.Length; break;
            case ConsoleKey.B: at = Before(at); break;
            case ConsoleKey.F: at = After(at); break;
            case ConsoleKey.P: Go(place - 1); break;
            case ConsoleKey.N: Go(place + 1); break;
            case ConsoleKey.H: Cut(Before(at), at); break;
            case ConsoleKey.D: Cut(at, After(at)); break;
            case ConsoleKey.K: Cut(at, line.Length); break;
            case ConsoleKey.U: Cut(0, at); break;
            case ConsoleKey.W: Cut(WordStart(), at); break;
            case ConsoleKey.L: screen.Write(ClearScreen); break;
        }
    }

    private void Insert(string text)
    {
        line = line.Insert(at, text);
        at += text.Length;
    }

    private void Cut(int from, int to)
    {
        line = line.Remove(from, to - from);
        at = from;
    }

    private void Set(string text) => (line, at, scroll, place) = (text, text.Length, 0, text.Length == 0 ? history.Count : place);

    private void Remember()
    {
        if (line.Length > 0 && (history.Count == 0 || history[^1] != line))
        {
            history.Add(line);
        }
    }

    // The line that was begun stands after the last of the history.
    private void Go(int to)
    {
        if (to < 0 || to > history.Count)
        {
            return;
        }
        kept = place == history.Count ? line : kept;
        place = to;
        (line, scroll) = (to == history.Count ? kept : history[to], 0);
        at = line.Length;
    }

    private void Complete()
    {
        IReadOnlyList<string> found = complete(line[..at]);
        if (found.Count == 0)
        {
            return;
        }
        string common = found[0];
        foreach (string other in found)
        {
            common = common[..common.AsSpan().CommonPrefixLength(other)];
        }
        if (found.Count > 1 && common.Length <= at)
        {
            screen.Write("\n" + string.Join("  ", found) + "\n");
            return;
        }
        line = common + line[at..];
        at = common.Length;
    }

    private int Before(int index)
    {
        int before = 0;
        for (int i = 0; i < index; i += StringInfo.GetNextTextElementLength(line, i))
        {
            before = i;
        }
        return before;
    }

    private int After(int index) => index >= line.Length ? line.Length : index + StringInfo.GetNextTextElementLength(line, index);

    private int WordStart()
    {
        int i = at;
        while (i > 0 && line[i - 1] == ' ')
        {
            i--;
        }
        while (i > 0 && line[i - 1] != ' ')
        {
            i--;
        }
        return i;
    }

    private int WordEnd()
    {
        int i = at;
        while (i < line.Length && line[i] == ' ')
        {
            i++;
        }
        while (i < line.Length && line[i] != ' ')
        {
            i++;
        }
        return i;
    }

    private void Show()
    {
        int room = Math.Max(4, width() - Columns.Of(prompt) - 1);
        scroll = Math.Min(scroll, at);
        while (Columns.Of(line.AsSpan(scroll, at - scroll)) >= room)
        {
            scroll = After(scroll);
        }
        int end = scroll, used = 0;
        while (end < line.Length)
        {
            int next = After(end), columns = Columns.Of(line.AsSpan(end, next - end));
            if (used + columns > room)
            {
                break;
            }
            (end, used) = (next, used + columns);
        }
        int cursor = Columns.Of(prompt) + Columns.Of(line.AsSpan(scroll, at - scroll));
        StringBuilder drawn = new StringBuilder("\r").Append(prompt).Append(line, scroll, end - scroll).Append(ClearRest).Append('\r');
        if (cursor > 0)
        {
            drawn.Append(CultureInfo.InvariantCulture, $"\e[{cursor}C");
        }
        screen.Write(drawn.ToString());
        screen.Flush();
    }
}
