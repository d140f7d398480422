using System.Globalization;
using System.Text;

namespace Lorikeet.Training;

/// <summary>One line of a chart.</summary>
/// <param name="Name">What it shows.</param>
/// <param name="Points">Step and loss, by step.</param>
/// <param name="Measured">True: few measured points, drawn with dots. False: one point a step, drawn thin and once more smoothed.</param>
public sealed record LossCurve(string Name, IReadOnlyList<(int Step, double Loss)> Points, bool Measured);

/// <summary>Draws loss curves as an SVG picture with axes; it needs nothing else to be seen in a browser.</summary>
public static class LossChart
{
    private const double Width = 860, Height = 480, Left = 70, Right = 24, Top = 46, Bottom = 56;
    private static readonly string[] Colours = ["#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f"];

    /// <summary>Draws the curves.</summary>
    /// <param name="title">Above the picture.</param>
    /// <param name="curves">The curves; points that are not finite are left out.</param>
    public static string Draw(string title, IReadOnlyList<LossCurve> curves)
    {
        ArgumentNullException.ThrowIfNull(curves);
        List<(int Step, double Loss)> all = [.. curves.SelectMany(c => c.Points).Where(p => double.IsFinite(p.Loss))];
        int lastStep = Math.Max(1, all.Count > 0 ? all.Max(p => p.Step) : 1);
        double least = all.Count > 0 ? all.Min(p => p.Loss) : 0, most = all.Count > 0 ? all.Max(p => p.Loss) : 1;
        double grain = Grain(Math.Max(most - least, 1e-3) / 6);
        double low = Math.Floor(least / grain) * grain, high = Math.Max(Math.Ceiling(most / grain) * grain, low + grain);
        StringBuilder svg = new();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" height=\"{Height}\" font-family=\"sans-serif\" font-size=\"13\">\n");
        svg.Append(CultureInfo.InvariantCulture, $"<rect width=\"{Width}\" height=\"{Height}\" fill=\"white\"/>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left}\" y=\"26\" font-size=\"16\" font-weight=\"bold\">{Escape(title)}</text>\n");
        Axes(svg, lastStep, low, high, grain);
        for (int i = 0; i < curves.Count; i++)
        {
            Curve(svg, curves[i], Colours[i % Colours.Length], lastStep, low, high);
        }
        Legend(svg, curves);
        return svg.Append("</svg>\n").ToString();
    }

    private static void Axes(StringBuilder svg, int lastStep, double low, double high, double grain)
    {
        int digits = Math.Max(0, (int)Math.Ceiling(-Math.Log10(grain) - 1e-9));
        for (int i = 0; low + (i * grain) <= high + (grain / 2); i++)
        {
            double y = Y(low + (i * grain), low, high);
            svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{y:F1}\" y2=\"{y:F1}\" stroke=\"#e5e7eb\"/>\n");
            string label = (low + (i * grain)).ToString("F" + digits, CultureInfo.InvariantCulture);
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left - 8}\" y=\"{y + 4:F1}\" text-anchor=\"end\" fill=\"#374151\">{label}</text>\n");
        }
        int stride = (int)Math.Max(1, Grain(lastStep / 8.0));
        for (int step = 0; step <= lastStep; step += stride)
        {
            double x = X(step, lastStep);
            svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{x:F1}\" x2=\"{x:F1}\" y1=\"{Height - Bottom}\" y2=\"{Height - Bottom + 5}\" stroke=\"#374151\"/>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:F1}\" y=\"{Height - Bottom + 20}\" text-anchor=\"middle\" fill=\"#374151\">{step}</text>\n");
        }
        svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M{Left} {Top}V{Height - Bottom}H{Width - Right}\" fill=\"none\" stroke=\"#374151\"/>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 12}\" text-anchor=\"middle\">optimiser step</text>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text transform=\"translate(18 {(Top + Height - Bottom) / 2}) rotate(-90)\" text-anchor=\"middle\">loss (nats a token)</text>\n");
    }

    private static void Curve(StringBuilder svg, LossCurve curve, string colour, int lastStep, double low, double high)
    {
        List<(int Step, double Loss)> points = [.. curve.Points.Where(p => double.IsFinite(p.Loss))];
        if (curve.Measured)
        {
            Line(svg, points, colour, 2, 1, lastStep, low, high);
            foreach ((int step, double loss) in points)
            {
                svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{X(step, lastStep):F1}\" cy=\"{Y(loss, low, high):F1}\" r=\"3.5\" fill=\"{colour}\"/>\n");
            }
            return;
        }
        Line(svg, points, colour, 1, 0.35, lastStep, low, high);
        Line(svg, Smooth(points), colour, 2, 1, lastStep, low, high);
    }

    /// <summary>Means over the neighbouring twentieth of the curve on both sides together.</summary>
    private static List<(int Step, double Loss)> Smooth(List<(int Step, double Loss)> points)
    {
        int reach = Math.Max(points.Count / 40, 1);
        List<(int Step, double Loss)> smooth = [];
        for (int i = 0; i < points.Count; i++)
        {
            int from = Math.Max(0, i - reach), to = Math.Min(points.Count - 1, i + reach);
            double sum = 0;
            for (int j = from; j <= to; j++)
            {
                sum += points[j].Loss;
            }
            smooth.Add((points[i].Step, sum / (to - from + 1)));
        }
        return smooth;
    }

    private static void Line(
        StringBuilder svg, List<(int Step, double Loss)> points, string colour, double width, double opacity, int lastStep, double low, double high)
    {
        if (points.Count < 2)
        {
            return;
        }
        // More points than pixels draw nothing new.
        int stride = Math.Max(1, points.Count / 1600);
        svg.Append(CultureInfo.InvariantCulture, $"<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-opacity=\"{opacity}\" stroke-linejoin=\"round\" points=\"");
        for (int i = 0; i < points.Count; i += stride)
        {
            svg.Append(CultureInfo.InvariantCulture, $"{X(points[i].Step, lastStep):F1},{Y(points[i].Loss, low, high):F1} ");
        }
        svg.Append("\"/>\n");
    }

    private static void Legend(StringBuilder svg, IReadOnlyList<LossCurve> curves)
    {
        for (int i = 0; i < curves.Count; i++)
        {
            double y = Top + 14 + (i * 20);
            string last = curves[i].Points.Count > 0 ? curves[i].Points[^1].Loss.ToString("F3", CultureInfo.InvariantCulture) : "-";
            svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{Width - 250}\" x2=\"{Width - 222}\" y1=\"{y - 4}\" y2=\"{y - 4}\" stroke=\"{Colours[i % Colours.Length]}\" stroke-width=\"3\"/>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Width - 214}\" y=\"{y}\">{Escape(curves[i].Name)}: last {last}</text>\n");
        }
    }

    /// <summary>The next of 1, 2, 5 times a power of ten.</summary>
    private static double Grain(double wanted)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(Math.Max(wanted, 1e-9))));
        double share = wanted / power;
        return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
    }

    private static double X(int step, int lastStep) => Left + ((Width - Left - Right) * step / lastStep);

    private static double Y(double loss, double low, double high) => Height - Bottom - ((Height - Top - Bottom) * (loss - low) / (high - low));

    private static string Escape(string text) => text.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;");
}
