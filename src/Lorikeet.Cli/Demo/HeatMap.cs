using System.Globalization;
using System.Text;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Training;

namespace Lorikeet.Cli.Demo;

/// <summary>Bits per byte of each adapter on held-out text of each language; the first row is the bare model.</summary>
internal sealed class HeatMap
{
    private const int Context = 512, Together = 2048;
    private readonly double[,] bits;

    private HeatMap(double[,] bits) => this.bits = bits;

    /// <summary>The value of an adapter (0: none) on a language.</summary>
    public double this[int adapter, int language] => bits[adapter, language];

    /// <summary>In how many languages the language's own adapter is the best.</summary>
    public int Wins => Enumerable.Range(0, bits.GetLength(1)).Count(l => Best(l) == l + 1);

    /// <summary>Measures all pairs.</summary>
    /// <param name="model">The base.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="adapters">The adapters, in the languages' order.</param>
    /// <param name="done">Told how many of all pairs are measured.</param>
    /// <param name="stop">Stops between two pairs.</param>
    public static HeatMap Measure(LanguageModel model, Tokenizer tokenizer, IReadOnlyList<TrainedAdapter> adapters, Action<int, int> done, CancellationToken stop)
    {
        double[,] bits = new double[adapters.Count + 1, StarterLanguage.All.Count];
        int count = 0;
        for (int language = 0; language < StarterLanguage.All.Count; language++)
        {
            TokenDocuments documents = DocumentTokens.Encode(DataFile.Read(StarterLanguage.All[language].HeldOut), tokenizer, Context);
            IReadOnlyList<Batch> batches = DocumentTokens.InOrder(documents.All(), Together);
            for (int adapter = 0; adapter <= adapters.Count; adapter++)
            {
                stop.ThrowIfCancellationRequested();
                bits[adapter, language] = Evaluator.Run(model, adapter == 0 ? null : adapters[adapter - 1], batches).BitsPerByte;
                done(++count, bits.Length);
            }
        }
        return new HeatMap(bits);
    }

    /// <summary>A table whose cells are coloured by what the adapter changes: green where it takes fewer bits than the bare model, red where more.</summary>
    public string Html()
    {
        StringBuilder html = new(
            "<style>.heat td{padding:7px 10px;text-align:right;border:2px solid var(--page);border-radius:6px}.heat .own{outline:2px solid var(--ink);outline-offset:-2px}.heat .best{font-weight:700}" +
            ".heat small{display:block;opacity:.75;font-size:11px}.heat th{padding:4px 10px;border:0}.heat thead th{text-align:right}</style>\n<div class=\"wide\"><table class=\"heat\">\n<thead><tr><th>adapter</th>");
        foreach (StarterLanguage language in StarterLanguage.All)
        {
            html.Append("<th>").Append(Chart.Escape(language.Title)).Append("</th>");
        }
        html.Append("</tr></thead>\n");
        for (int adapter = 0; adapter < bits.GetLength(0); adapter++)
        {
            html.Append("<tr><th>").Append(adapter == 0 ? "none" : Chart.Escape(StarterLanguage.All[adapter - 1].Title)).Append("</th>");
            for (int language = 0; language < bits.GetLength(1); language++)
            {
                html.Append(Cell(adapter, language));
            }
            html.Append("</tr>\n");
        }
        return html.Append("</table></div>").ToString();
    }

    private string Cell(int adapter, int language)
    {
        double value = bits[adapter, language], change = value / bits[0, language] - 1;
        string marks = (adapter == language + 1 ? "own " : "") + (Best(language) == adapter ? "best" : "");
        // A quarter less or more is the strongest colour.
        int strength = (int)Math.Round(Math.Min(1, Math.Abs(change) / 0.25) * 75);
        string colour = $"background:color-mix(in srgb,var(--{(change <= 0 ? "c2" : "c1")}) {strength}%,var(--card))";
        string share = adapter == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"<small>{change * 100:+0;-0;0} %</small>");
        return string.Create(CultureInfo.InvariantCulture, $"<td class=\"{marks.Trim()}\" style=\"{colour}\">{value:F3}{share}</td>");
    }

    private int Best(int language) => Enumerable.Range(0, bits.GetLength(0)).MinBy(a => bits[a, language]);
}
