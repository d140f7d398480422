using System.Text;

namespace Lorikeet.Server.Tests.Faults;

/// <summary>A request that is wrong somewhere.</summary>
/// <param name="Kind">What is wrong with it.</param>
/// <param name="Method">The method.</param>
/// <param name="Path">Path and query.</param>
/// <param name="ContentType">The content type, or null.</param>
/// <param name="Body">The body's bytes, or null. With <paramref name="Method"/> RAW: all bytes that go over the connection.</param>
internal sealed record MalformedRequest(string Kind, string Method, string Path, string? ContentType, byte[]? Body)
{
    public const string Raw = "RAW";

    /// <summary>For a server; the path goes out as it stands here.</summary>
    public HttpRequestMessage ToMessage(Uri server)
    {
        Uri target = new(server.GetLeftPart(UriPartial.Authority) + Path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        HttpRequestMessage message = new(new HttpMethod(Method), target) { Content = Body is null ? null : new ByteArrayContent(Body) };
        if (message.Content is not null && ContentType is not null)
        {
            message.Content.Headers.TryAddWithoutValidation("Content-Type", ContentType);
        }
        return message;
    }

    public override string ToString()
    {
        string body = Body is null ? "" : Encoding.Latin1.GetString(Body, 0, Math.Min(Body.Length, 500));
        return $"{Kind}: {Method} {Path} ({ContentType}) {body}{(Body?.Length > 500 ? $"... {Body.Length} bytes" : "")}";
    }
}
