using System.Text.Json;
using System.Text.Unicode;

namespace Lorikeet.Models.Files;

/// <summary>Reads JSON that may be hostile: size, UTF-8, depth, repeated keys and broken escapes are checked before anything is used.</summary>
public static class SafeJson
{
    /// <summary>The largest file read unless told otherwise, in bytes.</summary>
    public const long MostBytes = 100L << 20;

    /// <summary>The deepest nesting read unless told otherwise.</summary>
    public const int MostDepth = 64;

    /// <summary>Reads and checks a JSON file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mostBytes">The largest size accepted, in bytes.</param>
    /// <param name="mostDepth">How many objects and arrays may lie inside each other.</param>
    /// <exception cref="BadFileException">The file is absent, too large, not UTF-8, not JSON, too deep, or names a key twice.</exception>
    public static JsonDocument Read(string path, long mostBytes = MostBytes, int mostDepth = MostDepth)
    {
        byte[] bytes;
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            long length = file.Length;
            if (length > Math.Min(mostBytes, Array.MaxLength))
            {
                throw new BadFileException($"{path} has {length} bytes; at most {mostBytes} are read as JSON here. Is it the right file?");
            }
            bytes = new byte[length];
            file.ReadExactly(bytes);
        }
        catch (Exception e) when (e is IOException and not BadFileException or UnauthorizedAccessException or ArgumentException)
        {
            throw new BadFileException($"{path} cannot be read: {e.Message}", e);
        }
        return Parse(bytes, path, mostDepth);
    }

    /// <summary>Checks and parses JSON bytes.</summary>
    /// <param name="utf8">The bytes; a byte order mark at the start is skipped. They are not copied and must not change.</param>
    /// <param name="path">What to call them in messages: a path or a description.</param>
    /// <param name="mostDepth">How many objects and arrays may lie inside each other.</param>
    /// <exception cref="BadFileException">The bytes are not UTF-8, not JSON, too deep, or name a key twice.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> utf8, string path, int mostDepth = MostDepth)
    {
        if (utf8.Span.StartsWith("\uFEFF"u8))
        {
            utf8 = utf8[3..];
        }
        Check(utf8.Span, path, mostDepth);
        try
        {
            return JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = mostDepth });
        }
        catch (JsonException e)
        {
            throw NotJson(path, e);
        }
    }

    /// <summary>Reads and checks a JSON file whose outermost value must be an object.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mostBytes">The largest size accepted, in bytes.</param>
    /// <param name="mostDepth">How many objects and arrays may lie inside each other.</param>
    /// <exception cref="BadFileException">As <see cref="Read"/>, or the outermost value is something else.</exception>
    public static JsonDocument ReadObject(string path, long mostBytes = MostBytes, int mostDepth = MostDepth)
    {
        JsonDocument document = Read(path, mostBytes, mostDepth);
        JsonValueKind kind = document.RootElement.ValueKind;
        if (kind == JsonValueKind.Object)
        {
            return document;
        }
        document.Dispose();
        throw new BadFileException($"{path} holds {Describe(kind)}; expected an object {{...}}.");
    }

    /// <summary>A kind of value in words, with its article, for messages.</summary>
    /// <param name="kind">The kind.</param>
    public static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        JsonValueKind.Null => "null",
        _ => "nothing",
    };

    // One walk over the tokens before the document is built; after it, no accessor of the document can fail on bad text.
    private static void Check(ReadOnlySpan<byte> utf8, string path, int mostDepth)
    {
        if (!Utf8.IsValid(utf8))
        {
            throw new BadFileException($"{path} is not UTF-8 at byte {FirstInvalid(utf8)}; expected JSON in UTF-8.");
        }
        List<HashSet<string>?> keys = [];
        int depth = 0;
        try
        {
            Utf8JsonReader reader = new(utf8, new JsonReaderOptions { MaxDepth = mostDepth + 1 });
            while (reader.Read())
            {
                switch (reader.TokenType)
                {
                    case JsonTokenType.StartObject or JsonTokenType.StartArray:
                        if (++depth > mostDepth)
                        {
                            throw new BadFileException($"{path} is nested deeper than the {mostDepth} levels allowed (byte {reader.TokenStartIndex}).");
                        }
                        keys.Add(reader.TokenType == JsonTokenType.StartObject ? new HashSet<string>() : null);
                        break;
                    case JsonTokenType.EndObject or JsonTokenType.EndArray:
                        depth--;
                        keys.RemoveAt(keys.Count - 1);
                        break;
                    case JsonTokenType.PropertyName:
                        string key = reader.GetString()!;
                        if (!keys[^1]!.Add(key))
                        {
                            throw new BadFileException(
                                $"{path} has '{BadFileException.Short(key)}' twice in one object (byte {reader.TokenStartIndex}); a key may occur once.");
                        }
                        break;
                    case JsonTokenType.String when reader.ValueIsEscaped:
                        _ = reader.GetString();
                        break;
                    default:
                        break;
                }
            }
        }
        catch (JsonException e)
        {
            throw depth > 0 && AtEnd(utf8, e)
                ? new BadFileException($"{path} ends inside {(keys[^1] is null ? "an array" : "an object")}: the file is cut off.", e)
                : NotJson(path, e);
        }
        catch (InvalidOperationException e)
        {
            // The reader's way of saying that an escape such as \ud800 is half a character.
            throw new BadFileException($"{path} holds a string with half a surrogate pair (an escape like \\ud800); expected whole characters.", e);
        }
    }

    private static bool AtEnd(ReadOnlySpan<byte> utf8, JsonException e)
    {
        int lastLine = utf8.TrimEnd(" \t\r\n"u8).LastIndexOf((byte)'\n') + 1;
        long line = utf8[..lastLine].Count((byte)'\n');
        return e.LineNumber > line || (e.LineNumber == line && lastLine + e.BytePositionInLine >= utf8.TrimEnd(" \t\r\n"u8).Length);
    }

    private static BadFileException NotJson(string path, JsonException e) =>
        new($"{path} is not JSON: line {e.LineNumber + 1}, column {e.BytePositionInLine + 1}.", e);

    private static int FirstInvalid(ReadOnlySpan<byte> utf8)
    {
        int at = 0;
        while (at < utf8.Length && System.Text.Rune.DecodeFromUtf8(utf8[at..], out _, out int used) == System.Buffers.OperationStatus.Done)
        {
            at += used;
        }
        return at;
    }
}
