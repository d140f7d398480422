using System.Buffers;
using System.Text.Json;
using Lorikeet.Models.Files;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Net.Http.Headers;

namespace Lorikeet.Server;

/// <summary>Reads a request's JSON: type, size, UTF-8, depth and doubled keys are checked before anything is used.</summary>
internal static class RequestBody
{
    /// <summary>Reads the body; the caller disposes it.</summary>
    /// <exception cref="ApiException">It is no JSON object within the limits.</exception>
    public static async Task<JsonDocument> ReadAsync(HttpContext http, ServerLimits limits)
    {
        string? type = http.Request.ContentType;
        if (!string.IsNullOrEmpty(type) && (!MediaTypeHeaderValue.TryParse(type, out MediaTypeHeaderValue? media) || !IsJson(media)))
        {
            throw new ApiException(415, ErrorTypes.Request, null, null, $"the content type is '{Cut(type)}'; expected application/json");
        }
        if (http.Request.ContentLength > limits.BodyBytes)
        {
            throw TooLarge(http, limits.BodyBytes);
        }
        byte[] bytes;
        try
        {
            bytes = await ReadAllAsync(http, limits.BodyBytes);
        }
        catch (IOException e) when (!http.RequestAborted.IsCancellationRequested)
        {
            // Cut off, too slow, or chunks whose lengths are none.
            http.Response.Headers.Connection = "close";
            throw e is Microsoft.AspNetCore.Http.BadHttpRequestException { StatusCode: 413 } ? TooLarge(http, limits.BodyBytes) : ApiException.Bad(null, "invalid_body", "the body could not be read: " + e.Message);
        }
        JsonDocument document;
        try
        {
            document = SafeJson.Parse(bytes, "the request body", limits.JsonDepth);
        }
        catch (BadFileException e)
        {
            throw ApiException.Bad(null, "invalid_json", bytes.Length == 0 ? "the request body is empty; expected a JSON object" : e.Message);
        }
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            JsonValueKind kind = document.RootElement.ValueKind;
            document.Dispose();
            throw ApiException.Kind(null, $"the request body is {SafeJson.Describe(kind)}; expected an object");
        }
        return document;
    }

    /// <summary>A refusal of a body that is too large; nothing more of it is read.</summary>
    public static ApiException TooLarge(HttpContext http, long limit)
    {
        http.Response.Headers.Connection = "close";
        return new ApiException(413, ErrorTypes.Request, "request_too_large", null, $"the body is larger than {limit} bytes") { VllmType = "BadRequestError" };
    }

    private static bool IsJson(MediaTypeHeaderValue media) =>
        media.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase) || media.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase);

    private static async Task<byte[]> ReadAllAsync(HttpContext http, long limit)
    {
        ArrayBufferWriter<byte> buffer = new((int)Math.Clamp(http.Request.ContentLength ?? 4096, 256, 1 << 20));
        while (true)
        {
            int read = await http.Request.Body.ReadAsync(buffer.GetMemory(4096), http.RequestAborted);
            if (read == 0)
            {
                return buffer.WrittenSpan.ToArray();
            }
            buffer.Advance(read);
            if (buffer.WrittenCount > limit)
            {
                throw TooLarge(http, limit);
            }
        }
    }

    private static string Cut(string text) => text.Length <= 100 ? text : text[..100] + "...";
}
