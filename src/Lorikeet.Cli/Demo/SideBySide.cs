using System.Text;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Lorikeet.Cli.Demo;

/// <summary>Several answers that grow at once: columns on a terminal that is wide enough, in bands where not all fit beside each other, one after another elsewhere.</summary>
internal sealed class SideBySide
{
    private const int NarrowestColumn = 26;
    private static readonly Color[] Colors = [Color.Teal, Color.Yellow, Color.Fuchsia, Color.Lime, Color.Aqua, Color.Orange1, Color.Red, Color.Green];
    private readonly string[] titles;
    private readonly StringBuilder[] texts;

    /// <param name="titles">A title for each answer.</param>
    /// <param name="beginnings">What each answer begins with.</param>
    public SideBySide(IEnumerable<string> titles, IEnumerable<string> beginnings)
    {
        this.titles = [.. titles];
        texts = [.. beginnings.Select(b => new StringBuilder(b))];
    }

    /// <summary>The answers, each with its beginning.</summary>
    public IReadOnlyList<string> Texts => [.. texts.Select(t => t.ToString())];

    private static bool Live => !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi && AnsiConsole.Profile.Width >= NarrowestColumn;

    /// <summary>Takes pieces as they come.</summary>
    /// <param name="pieces">Which answer, and what is added to it.</param>
    public async Task ShowAsync(IAsyncEnumerable<(int Answer, string Text)> pieces)
    {
        if (!Live)
        {
            await foreach ((int answer, string text) in pieces)
            {
                texts[answer].Append(text);
            }
            for (int i = 0; i < texts.Length; i++)
            {
                Console.WriteLine($"--- {titles[i]}");
                Console.WriteLine(Printable(texts[i]).Trim());
                Console.WriteLine();
            }
            return;
        }
        // While it moves, what is higher than the terminal is cut; in the end it is written whole.
        await AnsiConsole.Live(Draw()).AutoClear(true).StartAsync(async live =>
        {
            await foreach ((int answer, string text) in pieces)
            {
                texts[answer].Append(text);
                live.UpdateTarget(Draw());
            }
        });
        AnsiConsole.Write(Draw());
    }

    private Rows Draw()
    {
        int bands = Enumerable.Range(1, texts.Length).First(b => texts.Length % b == 0 && (texts.Length / b * NarrowestColumn <= AnsiConsole.Profile.Width || b == texts.Length));
        return new Rows(Enumerable.Range(0, texts.Length).Chunk(texts.Length / bands).Select(Band));
    }

    private Table Band(int[] answers)
    {
        Table table = new() { Border = TableBorder.Rounded, Expand = true };
        foreach (int i in answers)
        {
            table.AddColumn(new TableColumn(new Text(titles[i], new Style(Colors[i % Colors.Length], decoration: Decoration.Bold))) { Width = AnsiConsole.Profile.Width / answers.Length - 3 });
        }
        table.AddRow(answers.Select(i => (IRenderable)new Text(Printable(texts[i]), new Style(Colors[i % Colors.Length]))));
        return table;
    }

    // A model may write any character; those that move the cursor are shown as a dot, tabs as blanks.
    private static string Printable(StringBuilder text)
    {
        StringBuilder clean = new(text.Length);
        foreach (char c in text.ToString())
        {
            clean.Append(c == '\t' ? "  " : char.IsControl(c) && c != '\n' ? "·" : c.ToString());
        }
        return clean.ToString();
    }
}
