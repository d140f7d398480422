using System.Globalization;
using System.Text;

namespace Lorikeet.Training;

/// <summary>How a line of a chart is drawn.</summary>
public enum LineStyle
{
    /// <summary>Many noisy points: thin, and once more smoothed.</summary>
    Noisy,

    /// <summary>A plain line.</summary>
    Plain,

    /// <summary>Few measured points, with dots.</summary>
    Dots,
}

/// <summary>One line of a chart.</summary>
/// <param name="Name">What it shows.</param>
/// <param name="Points">The points, by ascending x; those that are not finite are left out.</param>
/// <param name="Style">How it is drawn.</param>
public sealed record ChartLine(string Name, IReadOnlyList<(double X, double Y)> Points, LineStyle Style)
{
    /// <summary>Which colour; null: by its place among the lines.</summary>
    public int? Colour { get; init; }
}

/// <summary>Draws lines as an SVG picture with axes, light or dark as the reader's screen is; it needs nothing else to be seen in a browser.</summary>
/// <param name="title">Above the picture.</param>
/// <param name="across">What x is.</param>
/// <param name="up">What y is, with its unit.</param>
/// <param name="lines">The lines.</param>
public sealed class Chart(string title, string across, string up, IReadOnlyList<ChartLine> lines)
{
    private const double Width = 720, Height = 380, Left = 68, Right = 18, Top = 40, Bottom = 46, LegendRow = 17;
    // Letters that fit into half the width.
    private const int HalfWidth = 46;
    private const int Colours = 8;
    private readonly List<(double X, double Y)>[] points = [.. lines.Select(l => l.Points.Where(p => double.IsFinite(p.X) && double.IsFinite(p.Y)).ToList())];
    private readonly StringBuilder svg = new();
    private string[] names = [];
    private Axis x;
    private Axis y;

    /// <summary>Whether x begins at zero, as steps and seconds do; false: near the least x.</summary>
    public bool FromZero { get; init; } = true;

    private int LegendColumns => names.Any(n => n.Length > HalfWidth) ? 1 : 2;

    /// <summary>The colours of light and dark screens, for a page that holds pictures drawn with <c>standalone: false</c>.</summary>
    public static string Style =>
        ":root{--ink:#1f2937;--dim:#6b7280;--rule:#e5e7eb;--page:#ffffff;--card:#f9fafb;--c0:#2563eb;--c1:#dc2626;--c2:#059669;--c3:#d97706;--c4:#7c3aed;--c5:#0891b2;--c6:#be185d;--c7:#4d7c0f}\n" +
        "@media (prefers-color-scheme:dark){:root{--ink:#e5e7eb;--dim:#9ca3af;--rule:#374151;--page:#111827;--card:#1f2937;--c0:#60a5fa;--c1:#f87171;--c2:#34d399;--c3:#fbbf24;--c4:#a78bfa;--c5:#22d3ee;--c6:#f472b6;--c7:#a3e635}}\n" +
        "svg text{fill:var(--ink);font-family:system-ui,sans-serif;font-size:12px}svg .dim{fill:var(--dim)}svg .rule{stroke:var(--rule)}svg .axis{stroke:var(--dim);fill:none}\n";

    /// <summary>Draws the picture.</summary>
    /// <param name="standalone">True: a file of its own, with colours and background. False: a part of a page that has <see cref="Style"/>.</param>
    public string Draw(bool standalone = true)
    {
        svg.Clear();
        names = [.. lines.Select((line, i) => $"{line.Name}: last {(points[i].Count > 0 ? Short(points[i][^1].Y) : "-")}")];
        double height = Height + ((lines.Count + LegendColumns - 1) / LegendColumns * LegendRow);
        x = Axis.Around(points.SelectMany(p => p).Select(p => p.X), whole: FromZero);
        y = Axis.Around(points.SelectMany(p => p).Select(p => p.Y), whole: false);
        Add($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {height}\" role=\"img\" aria-label=\"{Escape(title)}\"{(standalone ? Invariant($" width=\"{Width}\" height=\"{height}\"") : "")}>");
        if (standalone)
        {
            Add($"<style>{Style}</style><rect width=\"{Width}\" height=\"{height}\" style=\"fill:var(--page)\"/>");
        }
        Add($"<text x=\"{Left}\" y=\"22\" style=\"font-size:15px;font-weight:600\">{Escape(title)}</text>");
        Axes();
        for (int i = 0; i < lines.Count; i++)
        {
            Line(i);
        }
        Legend();
        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>Text as it may stand in XML and HTML.</summary>
    /// <param name="text">Any text.</param>
    public static string Escape(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        StringBuilder safe = new(text.Length);
        foreach (char c in text)
        {
            // Control characters cannot stand in XML at all.
            safe.Append(c switch { '&' => "&amp;", '<' => "&lt;", '>' => "&gt;", '"' => "&quot;", '\'' => "&#39;", < ' ' => " ", _ => c.ToString() });
        }
        return safe.ToString();
    }

    private void Axes()
    {
        foreach (double value in y.Ticks())
        {
            Add($"<line class=\"rule\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(value):F1}\" y2=\"{Y(value):F1}\"/>");
            Add($"<text class=\"dim\" x=\"{Left - 8}\" y=\"{Y(value) + 4:F1}\" text-anchor=\"end\">{y.Label(value)}</text>");
        }
        foreach (double value in x.Ticks())
        {
            Add($"<line class=\"axis\" x1=\"{X(value):F1}\" x2=\"{X(value):F1}\" y1=\"{Height - Bottom}\" y2=\"{Height - Bottom + 4}\"/>");
            Add($"<text class=\"dim\" x=\"{X(value):F1}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{x.Label(value)}</text>");
        }
        Add($"<path class=\"axis\" d=\"M{Left} {Top}V{Height - Bottom}H{Width - Right}\"/>");
        Add($"<text class=\"dim\" x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 8}\" text-anchor=\"middle\">{Escape(across)}</text>");
        Add($"<text class=\"dim\" transform=\"translate(14 {(Top + Height - Bottom) / 2}) rotate(-90)\" text-anchor=\"middle\">{Escape(up)}</text>");
    }

    private void Line(int number)
    {
        List<(double X, double Y)> own = points[number];
        string colour = Colour(number);
        if (lines[number].Style == LineStyle.Noisy)
        {
            Path(own, colour, 1, 0.3);
            Path(Smooth(own), colour, 2, 1);
            return;
        }
        Path(own, colour, 2, 1);
        if (lines[number].Style == LineStyle.Dots)
        {
            foreach ((double px, double py) in own)
            {
                Add($"<circle cx=\"{X(px):F1}\" cy=\"{Y(py):F1}\" r=\"3.2\" style=\"fill:{colour}\"><title>{Escape(lines[number].Name)}: {py:G6} at {px:G6}</title></circle>");
            }
        }
    }

    /// <summary>Means over the neighbouring twentieth of the line on both sides together.</summary>
    private static List<(double X, double Y)> Smooth(List<(double X, double Y)> line)
    {
        int reach = Math.Max(line.Count / 40, 1);
        double[] sums = new double[line.Count + 1];
        for (int i = 0; i < line.Count; i++)
        {
            sums[i + 1] = sums[i] + line[i].Y;
        }
        List<(double X, double Y)> smooth = new(line.Count);
        for (int i = 0; i < line.Count; i++)
        {
            int from = Math.Max(0, i - reach), to = Math.Min(line.Count, i + reach + 1);
            smooth.Add((line[i].X, (sums[to] - sums[from]) / (to - from)));
        }
        return smooth;
    }

    private void Path(List<(double X, double Y)> line, string colour, double width, double opacity)
    {
        if (line.Count < 2)
        {
            return;
        }
        // More points than pixels draw nothing new; the last one is always shown.
        int stride = Math.Max(1, line.Count / 1200);
        svg.Append(CultureInfo.InvariantCulture, $"<polyline style=\"fill:none;stroke:{colour};stroke-width:{width};stroke-opacity:{opacity};stroke-linejoin:round\" points=\"");
        for (int i = 0; i < line.Count; i = i == line.Count - 1 ? line.Count : Math.Min(i + stride, line.Count - 1))
        {
            svg.Append(CultureInfo.InvariantCulture, $"{X(line[i].X):F1},{Y(line[i].Y):F1} ");
        }
        svg.Append("\"/>\n");
    }

    /// <summary>The names under the picture, in two columns where they fit: over the lines they would hide some.</summary>
    private void Legend()
    {
        for (int i = 0; i < lines.Count; i++)
        {
            double left = Left + (i % LegendColumns * (Width - Left - Right) / LegendColumns), at = Height + 10 + (i / LegendColumns * LegendRow);
            Add($"<line x1=\"{left:F0}\" x2=\"{left + 22:F0}\" y1=\"{at - 4}\" y2=\"{at - 4}\" style=\"stroke:{Colour(i)};stroke-width:3\"/>");
            Add($"<text x=\"{left + 28:F0}\" y=\"{at}\">{Escape(names[i])}</text>");
        }
    }

    private static string Short(double value) => value.ToString(Math.Abs(value) is >= 1000 and < 1e7 ? "F0" : "G4", CultureInfo.InvariantCulture);

    private string Colour(int number) => $"var(--c{(lines[number].Colour ?? number) % Colours})";

    private double X(double value) => Left + ((Width - Left - Right) * x.Share(value));

    private double Y(double value) => Height - Bottom - ((Height - Top - Bottom) * y.Share(value));

    private void Add(FormattableString line) => svg.Append(Invariant(line)).Append('\n');

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A range in round numbers.</summary>
    private readonly record struct Axis(double Low, double High, double Grain)
    {
        public static Axis Around(IEnumerable<double> values, bool whole)
        {
            double least = double.PositiveInfinity, most = double.NegativeInfinity;
            foreach (double value in values)
            {
                least = Math.Min(least, value);
                most = Math.Max(most, value);
            }
            if (least > most)
            {
                (least, most) = (0, 1);
            }
            if (whole)
            {
                // Steps, tokens, seconds: from where they begin to where they end.
                most = Math.Max(most, least + 1e-9);
                return new Axis(Math.Min(0, least), most, Round(Math.Max(most, 1e-9) / 7));
            }
            double grain = Round(Math.Max(most - least, Math.Max(Math.Abs(most), 1e-12) * 1e-3) / 5);
            double low = Math.Floor(least / grain) * grain;
            return new Axis(low, Math.Max(Math.Ceiling(most / grain) * grain, low + grain), grain);
        }

        public double Share(double value) => (value - Low) / (High - Low);

        public IEnumerable<double> Ticks()
        {
            for (double i = Math.Ceiling(Low / Grain); i * Grain <= High + (Grain * 1e-6); i++)
            {
                yield return i * Grain;
            }
        }

        public string Label(double value)
        {
            double size = Math.Max(Math.Abs(Low), Math.Abs(High));
            if (size >= 1e6)
            {
                return (value / 1e6).ToString("0.###", CultureInfo.InvariantCulture) + " M";
            }
            if (size < 1e-3 && value != 0)
            {
                return value.ToString("0.###e0", CultureInfo.InvariantCulture);
            }
            return value.ToString("F" + Math.Clamp((int)Math.Ceiling(-Math.Log10(Grain) - 1e-9), 0, 9), CultureInfo.InvariantCulture);
        }

        /// <summary>The next of 1, 2, 5 times a power of ten.</summary>
        private static double Round(double wanted)
        {
            double power = Math.Pow(10, Math.Floor(Math.Log10(wanted)));
            double share = wanted / power;
            return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
        }
    }
}
