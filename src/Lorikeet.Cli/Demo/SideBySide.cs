using System.Text;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Lorikeet.Cli.Demo;

/// <summary>Several answers that grow at once: columns on a terminal that is wide enough, one after another elsewhere.</summary>
internal sealed class SideBySide
{
    private const int NarrowestColumn = 24;
    private static readonly Color[] Colors = [Color.Teal, Color.Yellow, Color.Fuchsia, Color.Lime];
    private readonly string[] titles;
    private readonly StringBuilder[] texts;

    /// <param name="titles">A title for each answer.</param>
    /// <param name="beginnings">What each answer begins with.</param>
    public SideBySide(IEnumerable<string> titles, IEnumerable<string> beginnings)
    {
        this.titles = [.. titles];
        texts = [.. beginnings.Select(b => new StringBuilder(b))];
    }

    /// <summary>True where the answers can be shown as they grow.</summary>
    public bool Live => !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi && AnsiConsole.Profile.Width >= texts.Length * NarrowestColumn;

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
                Console.WriteLine(texts[i].ToString().Trim());
                Console.WriteLine();
            }
            return;
        }
        await AnsiConsole.Live(Draw()).StartAsync(async live =>
        {
            await foreach ((int answer, string text) in pieces)
            {
                texts[answer].Append(text);
                live.UpdateTarget(Draw());
            }
        });
    }

    private Table Draw()
    {
        Table table = new() { Border = TableBorder.Rounded, Expand = true };
        for (int i = 0; i < texts.Length; i++)
        {
            table.AddColumn(new TableColumn(new Text(titles[i], new Style(Colors[i % Colors.Length], decoration: Decoration.Bold))));
        }
        table.AddRow(texts.Select((t, i) => (IRenderable)new Text(Printable(t), new Style(Colors[i % Colors.Length]))));
        return table;
    }

    // A model may write any character; those that move the cursor are shown as a dot.
    private static string Printable(StringBuilder text)
    {
        StringBuilder clean = new(text.Length);
        foreach (char c in text.ToString())
        {
            clean.Append(char.IsControl(c) && c != '\n' ? '·' : c);
        }
        return clean.ToString();
    }
}
