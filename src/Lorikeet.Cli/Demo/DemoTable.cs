using System.Globalization;
using System.Text;
using Lorikeet.Adapters;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Demo;

/// <summary>The adapters: method, size, and what each does for its language.</summary>
internal sealed class DemoTable(IReadOnlyList<TrainedAdapter> adapters, HeatMap map)
{
    /// <summary>The columns' headings; those with # are numbers.</summary>
    public static IReadOnlyList<string> Columns { get; } = ["language", "method", "#numbers", "#bytes on disk", "#bits per byte, base", "#with its adapter", "#less"];

    /// <summary>A row for each adapter.</summary>
    public IEnumerable<IReadOnlyList<string>> Rows => StarterLanguage.All.Select((language, i) =>
    {
        double before = map[0, i], after = map[i + 1, i];
        string folder = BundledFolder.Resolve(language.Adapter);
        long bytes = Directory.EnumerateFiles(folder, "adapter_*").Sum(f => new FileInfo(f).Length);
        return (IReadOnlyList<string>)
        [
            language.Title, adapters[i].Method.Name, Number($"{adapters[i].ParameterCount:N0}"), Number($"{bytes:N0}"),
            Number($"{before:F3}"), Number($"{after:F3}"), Number($"{(1 - after / before) * 100:F0} %"),
        ];
    });

    /// <summary>The table for a terminal.</summary>
    public string Text()
    {
        IReadOnlyList<string>[] rows = [Columns.Select(c => c.TrimStart('#')).ToArray(), .. Rows];
        int[] widths = [.. Enumerable.Range(0, Columns.Count).Select(c => rows.Max(r => r[c].Length))];
        StringBuilder text = new();
        foreach (IReadOnlyList<string> row in rows)
        {
            text.AppendJoin("  ", row.Select((cell, c) => Columns[c].StartsWith('#') ? cell.PadLeft(widths[c]) : cell.PadRight(widths[c]))).AppendLine();
        }
        return text.ToString();
    }

    private static string Number(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
