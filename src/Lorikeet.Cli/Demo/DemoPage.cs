using System.Globalization;
using System.Text;
using Lorikeet.Models;
using Lorikeet.Training;

namespace Lorikeet.Cli.Demo;

/// <summary>The demo as a page: answers, rates, adapters and the heat map.</summary>
internal static class DemoPage
{
    /// <summary>The page.</summary>
    public static string Write(LanguageModel model, string prompt, IReadOnlyList<string> answers, DemoRates rates, DemoTable table, HeatMap map) =>
        new HtmlPage("One model, eight languages")
            .Note(Text($"A base model of {model.ParameterCount / 1e6:F1} M numbers that was trained on C, Go, Java, Python and English, and eight adapters for languages it never saw. All rows ran in one batch, each with its own adapter."))
            .Tiles(
            [
                ("tokens/s, eight adapters in one batch", Text($"{rates.Together:N0}")), ("tokens/s, one after another", Text($"{rates.OneByOne:N0}")),
                ("tokens/s, one batch without adapters", Text($"{rates.Bare:N0}")), ("languages whose own adapter is the best", Text($"{map.Wins} of {StarterLanguage.All.Count}")),
            ])
            .Part("Bits per byte of held-out text: adapter against language", map.Html())
            .Note("A column is a language, a row an adapter. Fewer bits are better; the percentage compares with the model without adapter. The language's own adapter is framed, the best of each column bold.")
            .Table("Adapters", DemoTable.Columns, table.Rows)
            .Part(Text($"What each row wrote after “{prompt}”"), Answers(answers))
            .ToString();

    private static string Answers(IReadOnlyList<string> answers)
    {
        StringBuilder html = new(
            "<style>.answers{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,320px),1fr));gap:14px}.answers div{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:8px 14px;min-width:0}" +
            ".answers pre{font:13px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:6px 0}</style>\n<div class=\"answers\">\n");
        for (int i = 0; i < answers.Count; i++)
        {
            html.Append("<div><b>").Append(Chart.Escape(StarterLanguage.All[i].Title)).Append("</b><pre>").AppendJoin('\n', answers[i].Split('\n').Select(Chart.Escape)).Append("</pre></div>\n");
        }
        return html.Append("</div>").ToString();
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
