using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>Rows of fields as RFC 4180 has them: a field in quotes may hold separators, line breaks, and quotes written twice; empty lines are passed over.</summary>
internal static class DelimitedText
{
    private const byte Quote = (byte)'"';

    public static IEnumerable<DataRow> Read(string path, Stream stream, byte separator, IReadOnlyList<string>? columns)
    {
        Fields reader = new(path, stream, separator);
        IReadOnlyList<string>? names = columns;
        while (reader.Next() is { } row)
        {
            if (names is null)
            {
                names = Names(row, $"{path}, line {reader.Line}");
                continue;
            }
            string where = $"{path}, line {reader.Line}";
            if (row.Count != names.Count)
            {
                throw new BadFileException($"{where} has {row.Count} fields; expected {names.Count}: {Short(names)}.");
            }
            yield return new DataRow(where, Object(names, row));
        }
    }

    private static List<string> Names(List<string> row, string where) =>
        row.Distinct(StringComparer.Ordinal).Count() == row.Count && !row.Contains("")
            ? row
            : throw new BadFileException($"{where}: the first row should name the columns, each once, and has {Short(row)}. Give --columns where it is data.");

    private static string Short(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(8).Select(n => n.Length > 40 ? n[..40] + "..." : n)) + (names.Count > 8 ? ", ..." : "");

    private static System.Text.Json.JsonElement Object(IReadOnlyList<string> names, List<string> row)
    {
        JsonObject fields = [];
        for (int i = 0; i < row.Count; i++)
        {
            fields[names[i]] = row[i];
        }
        return System.Text.Json.JsonSerializer.SerializeToElement(fields, DataJson.Default.JsonObject);
    }

    /// <summary>Takes lines apart, and joins those that a field in quotes spans.</summary>
    private sealed class Fields(string path, Stream stream, byte separator)
    {
        private readonly ByteLines lines = new(path, stream);
        private readonly List<byte> field = [];

        /// <summary>The line the last row began in.</summary>
        public int Line { get; private set; }

        public List<string>? Next()
        {
            while (lines.Next(out ReadOnlySpan<byte> line))
            {
                Line = lines.Line;
                ReadOnlySpan<byte> text = TrimReturn(line);
                if (!text.IsEmpty)
                {
                    return Split(text);
                }
            }
            return null;
        }

        private List<string> Split(ReadOnlySpan<byte> line)
        {
            List<string> row = [];
            while (true)
            {
                if (!line.IsEmpty && line[0] == Quote)
                {
                    line = Quoted(line[1..]);
                }
                else
                {
                    int at = line.IndexOf(separator);
                    field.Clear();
                    field.AddRange(at < 0 ? line : line[..at]);
                    line = at < 0 ? [] : line[at..];
                }
                row.Add(ByteLines.Decode(path, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(field), Line));
                if (line.IsEmpty)
                {
                    return row;
                }
                if (line[0] != separator)
                {
                    throw new BadFileException($"{path}, line {lines.Line}: a field in quotes goes on after its last quote; expected a separator. Write a quote inside quotes twice.");
                }
                line = line[1..];
                if (line.IsEmpty)
                {
                    row.Add("");
                    return row;
                }
            }
        }

        /// <summary>Reads a field in quotes, over several lines where it has line breaks.</summary>
        /// <returns>What follows the closing quote.</returns>
        private ReadOnlySpan<byte> Quoted(ReadOnlySpan<byte> line)
        {
            field.Clear();
            while (true)
            {
                int at = line.IndexOf(Quote);
                if (at >= 0)
                {
                    field.AddRange(line[..at]);
                    if (at + 1 == line.Length || line[at + 1] != Quote)
                    {
                        return TrimReturn(line[(at + 1)..]);
                    }
                    field.Add(Quote);
                    line = line[(at + 2)..];
                    continue;
                }
                field.AddRange(line);
                field.Add((byte)'\n');
                if (field.Count > ByteLines.Longest)
                {
                    throw new BadFileException($"{path}, line {Line}: a field has more than {ByteLines.Longest} bytes. Is a quote missing?");
                }
                if (!lines.Next(out line))
                {
                    throw new BadFileException($"{path}, line {Line}: a field begins with a quote that is never closed; expected a quote at its end.");
                }
            }
        }

        private static ReadOnlySpan<byte> TrimReturn(ReadOnlySpan<byte> line) => !line.IsEmpty && line[^1] == (byte)'\r' ? line[..^1] : line;
    }
}
