using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary>Writes JSON answers: compact, minimally escaped, from one buffer in one write.</summary>
internal static class JsonText
{
    public const string ContentType = "application/json";

    private static readonly JsonWriterOptions Options = new() { Encoder = MinimalEncoder.Instance, SkipValidation = true };

    /// <summary>JSON as bytes.</summary>
    public static ReadOnlyMemory<byte> Bytes(Action<Utf8JsonWriter> write)
    {
        ArrayBufferWriter<byte> buffer = new(1024);
        using (Utf8JsonWriter json = new(buffer, Options))
        {
            write(json);
        }
        return buffer.WrittenMemory;
    }

    /// <summary>JSON after a prefix and before a suffix, as one piece: an event of a stream.</summary>
    public static ReadOnlyMemory<byte> Event(ReadOnlySpan<byte> prefix, Action<Utf8JsonWriter> write)
    {
        ArrayBufferWriter<byte> buffer = new(512);
        buffer.Write(prefix);
        using (Utf8JsonWriter json = new(buffer, Options))
        {
            write(json);
        }
        buffer.Write("\n\n"u8);
        return buffer.WrittenMemory;
    }

    /// <summary>A JSON value that stands for itself, free of any buffer.</summary>
    public static JsonElement Element(Action<Utf8JsonWriter> write)
    {
        using JsonDocument document = JsonDocument.Parse(Bytes(write), new JsonDocumentOptions { MaxDepth = 256 });
        return document.RootElement.Clone();
    }

    /// <summary>Answers a request.</summary>
    public static async Task WriteAsync(HttpContext http, int status, Action<Utf8JsonWriter> write)
    {
        ReadOnlyMemory<byte> bytes = Bytes(write);
        http.Response.StatusCode = status;
        http.Response.ContentType = ContentType;
        http.Response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(http.Request.Method))
        {
            await http.Response.Body.WriteAsync(bytes, http.RequestAborted);
        }
    }
}
