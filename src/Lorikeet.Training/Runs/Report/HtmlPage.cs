using System.Text;

namespace Lorikeet.Training;

/// <summary>A page that stands alone: no scripts, nothing from elsewhere, light or dark as the reader's screen is.</summary>
/// <param name="title">The page's title and heading.</param>
public sealed class HtmlPage(string title)
{
    private readonly StringBuilder body = new();

    /// <summary>Adds a line of text in a dim colour.</summary>
    /// <param name="text">The text; it is escaped, as all text here is.</param>
    public HtmlPage Note(string text)
    {
        body.Append("<p class=\"note\">").Append(Chart.Escape(text)).Append("</p>\n");
        return this;
    }

    /// <summary>Adds numbers that matter most, large.</summary>
    /// <param name="tiles">What each is, and the number with its unit.</param>
    public HtmlPage Tiles(IEnumerable<(string Name, string Value)> tiles)
    {
        body.Append("<div class=\"tiles\">\n");
        foreach ((string name, string value) in tiles)
        {
            body.Append("<div><b>").Append(Chart.Escape(value)).Append("</b><span>").Append(Chart.Escape(name)).Append("</span></div>\n");
        }
        body.Append("</div>\n");
        return this;
    }

    /// <summary>Adds pictures side by side.</summary>
    /// <param name="charts">The pictures.</param>
    public HtmlPage Charts(IEnumerable<Chart> charts)
    {
        body.Append("<div class=\"charts\">\n");
        foreach (Chart chart in charts)
        {
            body.Append("<figure>").Append(chart.Draw(standalone: false)).Append("</figure>\n");
        }
        body.Append("</div>\n");
        return this;
    }

    /// <summary>Adds a table; columns whose heading begins with # hold numbers and stand to the right.</summary>
    /// <param name="heading">Above the table.</param>
    /// <param name="columns">The columns' headings.</param>
    /// <param name="rows">The rows, each with a text for every column or for the first ones.</param>
    public HtmlPage Table(string heading, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        body.Append("<h2>").Append(Chart.Escape(heading)).Append("</h2>\n<div class=\"wide\"><table>\n<tr>");
        foreach (string column in columns)
        {
            body.Append(Class("th", column)).Append(Chart.Escape(column.TrimStart('#'))).Append("</th>");
        }
        body.Append("</tr>\n");
        foreach (IReadOnlyList<string> row in rows)
        {
            body.Append("<tr>");
            for (int i = 0; i < row.Count; i++)
            {
                body.Append(Class("td", columns[i])).Append(Chart.Escape(row[i])).Append("</td>");
            }
            body.Append("</tr>\n");
        }
        body.Append("</table></div>\n");
        return this;
    }

    /// <summary>The whole page as HTML.</summary>
    public override string ToString() =>
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" +
        $"<meta name=\"color-scheme\" content=\"light dark\">\n<title>{Chart.Escape(title)}</title>\n<style>\n{Chart.Style}{Layout}</style>\n</head>\n<body>\n<h1>{Chart.Escape(title)}</h1>\n{body}</body>\n</html>\n";

    private const string Layout =
        "body{margin:0 auto;max-width:1480px;padding:20px 28px 48px;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}\n" +
        "h1{font-size:24px;margin:0}h2{font-size:17px;margin:28px 0 8px}.note{color:var(--dim);margin:2px 0 14px}\n" +
        ".tiles{display:flex;flex-wrap:wrap;gap:12px;margin:18px 0}.tiles div{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px 16px;min-width:120px}\n" +
        ".tiles b{display:block;font-size:20px;font-variant-numeric:tabular-nums}.tiles span{color:var(--dim);font-size:13px}\n" +
        ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));gap:14px;align-items:start}figure{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:8px}figure svg{width:100%;height:auto;display:block}\n" +
        ".wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{text-align:left;padding:4px 18px 4px 0;border-bottom:1px solid var(--rule);vertical-align:top;overflow-wrap:anywhere}th{color:var(--dim);font-weight:500}.n{text-align:right;white-space:nowrap}\n";

    private static string Class(string tag, string column) => column.StartsWith('#') ? $"<{tag} class=\"n\">" : $"<{tag}>";
}
