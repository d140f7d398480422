using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>JSON lines: one object a line; empty lines are passed over.</summary>
internal static class JsonLines
{
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 32, AllowDuplicateProperties = false };

    public static IEnumerable<DataRow> Read(string path, Stream stream)
    {
        ByteLines lines = new(path, stream);
        while (Next(path, lines) is { } row)
        {
            yield return row;
        }
    }

    private static DataRow? Next(string path, ByteLines lines)
    {
        while (lines.Next(out ReadOnlySpan<byte> line))
        {
            string text = ByteLines.Decode(path, line, lines.Line);
            if (!string.IsNullOrWhiteSpace(text))
            {
                return new DataRow($"{path}, line {lines.Line}", Parse(text, $"{path}, line {lines.Line}"));
            }
        }
        return null;
    }

    private static JsonElement Parse(string text, string where)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(text, Strict);
            return json.RootElement.ValueKind == JsonValueKind.Object
                ? json.RootElement.Clone()
                : throw new BadFileException($"{where} is {SafeJson.Describe(json.RootElement.ValueKind)}; expected an object with text, prompt and completion, or messages.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new BadFileException($"{where} is not valid JSON: {e.Message} Expected one object a line.", e);
        }
    }
}
