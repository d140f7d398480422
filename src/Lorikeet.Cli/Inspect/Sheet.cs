using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Cli.Inspect;

/// <summary>What is known of a folder, written once and shown as text or as JSON.</summary>
internal sealed class Sheet
{
    private static readonly JsonSerializerOptions Options = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly List<(string Label, string Text)> facts = [];
    private readonly List<(string[] Columns, List<string[]> Rows)> tables = [];
    private readonly JsonObject json = [];

    /// <summary>Adds a fact.</summary>
    /// <param name="key">Its key in JSON.</param>
    /// <param name="label">What the text calls it.</param>
    /// <param name="value">Its value in JSON.</param>
    /// <param name="text">Its value in the text; null: the JSON's.</param>
    public void Fact(string key, string label, JsonNode? value, string? text = null)
    {
        json[key] = value;
        facts.Add((label, Clean(text ?? value?.ToString() ?? "-")));
    }

    /// <summary>Adds a fact that only the JSON has.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="value">Its value.</param>
    public void Detail(string key, JsonNode? value) => json[key] = value;

    /// <summary>Adds a table; numbers stand right-aligned in the text.</summary>
    /// <param name="key">Its key in JSON: an array with an object a row.</param>
    /// <param name="columns">The columns' names in the text and in JSON.</param>
    /// <param name="rows">The rows.</param>
    public void Table(string key, string[] columns, IEnumerable<JsonNode[]> rows)
    {
        JsonArray array = [];
        List<string[]> texts = [];
        foreach (JsonNode[] row in rows)
        {
            array.Add(new JsonObject(columns.Zip(row, (column, cell) => KeyValuePair.Create(column, (JsonNode?)cell))));
            texts.Add([.. row.Select(Shown)]);
        }
        json[key] = array;
        if (texts.Count > 0)
        {
            tables.Add((columns, texts));
        }
    }

    /// <summary>The facts, one a line, then the tables.</summary>
    public string ToText()
    {
        StringBuilder text = new();
        int width = facts.Max(f => f.Label.Length) + 2;
        foreach ((string label, string value) in facts)
        {
            text.Append(label.PadRight(width)).Append(value).Append('\n');
        }
        foreach ((string[] columns, List<string[]> rows) in tables)
        {
            text.Append('\n');
            int[] widths = [.. columns.Select((column, i) => rows.Max(row => row[i].Length) is var most && most > column.Length ? most : column.Length)];
            foreach (string[] row in rows.Prepend(columns))
            {
                IEnumerable<string> cells = row.Select((cell, i) => IsNumber(rows[0][i]) ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]));
                text.Append(string.Join("  ", cells).TrimEnd()).Append('\n');
            }
        }
        return text.ToString();
    }

    /// <summary>The same as one JSON object.</summary>
    public string ToJson() => json.ToJsonString(Options) + "\n";

    private static string Shown(JsonNode cell) => cell.GetValueKind() switch
    {
        JsonValueKind.Number => $"{cell.GetValue<long>():N0}",
        JsonValueKind.Array => string.Join(" x ", cell.AsArray().Select(i => i!.ToString())),
        _ => Clean(cell.ToString()),
    };

    private static bool IsNumber(string cell) => cell.All(c => char.IsAsciiDigit(c) || c == ',');

    // Names come from files: nothing in them may move the cursor.
    private static string Clean(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
}
