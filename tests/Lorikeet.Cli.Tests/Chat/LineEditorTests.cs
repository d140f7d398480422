using Lorikeet.Cli.Chat;

namespace Lorikeet.Cli.Tests.Chat;

/// <summary>The line editor, key by key.</summary>
public sealed class LineEditorTests : IDisposable
{
    private readonly Queue<ConsoleKeyInfo> keys = new();
    private readonly StringWriter screen = new();
    private readonly LineEditor editor;
    private int width = 40;

    public LineEditorTests() =>
        editor = new LineEditor(keys.Dequeue, screen, () => width, line => [.. new[] { "/adapter ", "/adapters", "/undo" }.Where(c => c.StartsWith(line, StringComparison.Ordinal))]);

    public void Dispose() => screen.Dispose();

    [Theory]
    [InlineData("hello", "hello")]
    [InlineData("helo{Left}l", "hello")]
    [InlineData("ello{Home}h{End}!", "hello!")]
    [InlineData("hellox{Backspace}", "hello")]
    [InlineData("xhello{Home}{Delete}", "hello")]
    [InlineData("one two{^W}three", "one three")]
    [InlineData("one two{^U}three", "three")]
    [InlineData("one two{^A}{^K}three", "three")]
    [InlineData("two{^A}one {^E}!", "one two!")]
    [InlineData("one two three{^Left}{^Left}2 {^Right}x", "one 2 twox three")]
    [InlineData("gone{^C}here", "here")]
    [InlineData("ab{^A}{^D}", "b")]
    [InlineData("/un{Tab}", "/undo")]
    [InlineData("/a{Tab}s", "/adapters")]
    [InlineData("e\u0301x{Left}{Backspace}", "x")]
    [InlineData("a\U0001F99Cb{Left}{Left}{Delete}", "ab")]
    [InlineData("a\U0001F99C{Backspace}", "a")]
    [InlineData("{Backspace}{Delete}{Left}{Right}{Up}{Down}{^W}a", "a")]
    public void Keys_make_lines(string typed, string expected) => Assert.Equal(expected, Read(typed + "{Enter}"));

    [Fact]
    public void History_comes_back_and_what_was_begun_is_kept()
    {
        Read("first{Enter}");
        Read("second{Enter}");
        Read("second{Enter}");
        Assert.Equal("first", Read("{Up}{Up}{Enter}"));
        Assert.Equal("begun", Read("begun{Up}{Up}{Down}{Down}{Enter}"));
        Assert.Equal("second!", Read("{Up}{Up}{Up}!{Enter}"));
    }

    [Fact]
    public void The_line_ends_the_conversation_when_it_is_empty_only()
    {
        Assert.Null(Read("{^D}"));
        Assert.Throws<OperationCanceledException>(() => Read("{^C}{^C}"));
        Assert.Contains("Ctrl-C once more", screen.ToString(), StringComparison.Ordinal);
        Assert.Equal("x", Read("{^C}x{Enter}"));
        Assert.Equal("x", Read("a{^C}{^C}x{Enter}"));
    }

    [Fact]
    public void A_long_line_scrolls_and_never_passes_the_screens_edge()
    {
        width = 20;
        Assert.Equal(50, Read(string.Concat(Enumerable.Range(0, 50).Select(i => (char)('a' + (i % 26)))) + "{Enter}")!.Length);
        Assert.Equal(30, Read(string.Concat(Enumerable.Repeat('漢', 30)) + "{Home}{Right}{Right}{End}{Enter}")!.Length);
        string[] drawn = [.. screen.ToString().Split('\r').Where(part => part.StartsWith("> ", StringComparison.Ordinal)).Select(part => part[..part.IndexOf('\e', StringComparison.Ordinal)])];
        Assert.True(drawn.Length > 80);
        Assert.All(drawn, line => Assert.InRange(Columns.Of(line), 2, 20));
    }

    private string? Read(string typed)
    {
        Assert.Empty(keys);
        for (int i = 0; i < typed.Length; i++)
        {
            int end = typed[i] == '{' ? typed.IndexOf('}', i) : -1;
            keys.Enqueue(end < 0 ? new ConsoleKeyInfo(typed[i], default, false, false, false) : Named(typed[(i + 1)..end]));
            i = Math.Max(i, end);
        }
        string? line = editor.Read("> ");
        Assert.Empty(keys);
        return line;
    }

    private static ConsoleKeyInfo Named(string name)
    {
        bool control = name[0] == '^';
        string word = control ? name[1..] : name;
        return new ConsoleKeyInfo(
            '\0',
            word switch { "Left" => ConsoleKey.LeftArrow, "Right" => ConsoleKey.RightArrow, "Up" => ConsoleKey.UpArrow, "Down" => ConsoleKey.DownArrow, _ => Enum.Parse<ConsoleKey>(word) },
            false, false, control);
    }
}
