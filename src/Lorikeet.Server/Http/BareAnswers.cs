using System.Buffers.Text;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Lorikeet.Server;

/// <summary>
/// Gives the answers that Kestrel makes by itself, before any middleware runs (a head that is too large, or no HTTP), the form of all other errors.
/// There is no hook for them: they are known by their bytes, a head without a body and without a request id, written in one piece.
/// </summary>
internal static class BareAnswers
{
    /// <summary>Watches the connections of an address.</summary>
    public static void Use(ListenOptions listen, bool vllm) => listen.Use(next => async connection =>
    {
        IDuplexPipe transport = connection.Transport;
        connection.Transport = new Wire(transport.Input, new Watch(transport.Output, vllm));
        try
        {
            await next(connection);
        }
        finally
        {
            connection.Transport = transport;
        }
    });

    /// <summary>The answer in place of one that Kestrel made by itself; null: it is no such answer.</summary>
    internal static byte[]? Replace(ReadOnlySpan<byte> head, bool vllm)
    {
        if (!head.StartsWith("HTTP/1.1 "u8) || !head.EndsWith("\r\n\r\n"u8) || !Utf8Parser.TryParse(head[9..], out int status, out _) || status < 400
            || head.IndexOf("\r\nContent-Length: 0\r\n"u8) < 0 || head.IndexOf("\r\nX-Request-Id:"u8) >= 0)
        {
            return null;
        }
        // Clients repeat that one. Who does not send is left without a word.
        return status == 408 ? [] : Of(status, vllm);
    }

    private static byte[] Of(int status, bool vllm)
    {
        ApiException error = status switch
        {
            414 => TooLarge(414, "the request line is too long"),
            431 => TooLarge(431, "the headers are too large"),
            413 => TooLarge(413, "the body is too large"),
            405 => new ApiException(405, ErrorTypes.Request, null, null, "the method is not taken here"),
            _ => ApiException.Bad(null, "invalid_http", "the request is no HTTP/1.1 that this server understands"),
        };
        ReadOnlyMemory<byte> body = JsonText.Bytes(json => ErrorBody.Write(json, error, vllm));
        string start = $"HTTP/1.1 {error.Status} {Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(error.Status)}\r\nContent-Type: {JsonText.ContentType}\r\nContent-Length: {body.Length}\r\n"
            + $"Connection: close\r\nX-Request-Id: {RequestPipeline.NewId()}\r\nDate: {DateTime.UtcNow:r}\r\n\r\n";
        return [.. Encoding.ASCII.GetBytes(start), .. body.Span];
    }

    private static ApiException TooLarge(int status, string message) => new(status, ErrorTypes.Request, "request_too_large", null, message);

    private sealed class Wire(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }

    private sealed class Watch(PipeWriter inner, bool vllm) : PipeWriter
    {
        private Memory<byte> given;
        private bool begun;
        private bool over;

        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override Memory<byte> GetMemory(int sizeHint = 0) => given = inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override void Advance(int bytes)
        {
            if (bytes > 0 && !over && Answer(given.Span[..bytes]) is { } answer)
            {
                answer.CopyTo(inner.GetSpan(answer.Length));
                inner.Advance(answer.Length);
                over = true;
                return;
            }
            // After such an answer the connection ends; what else Kestrel says is not for the client.
            inner.Advance(over ? 0 : bytes);
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
            begun && !over ? inner.WriteAsync(source, cancellationToken) : base.WriteAsync(source, cancellationToken);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

        // Who begins in HTTP/2 is answered in its frames: the first bytes of a connection are HTTP/1.1, or are replaced.
        private byte[]? Answer(ReadOnlySpan<byte> bytes)
        {
            bool first = !begun;
            begun = true;
            return first && !bytes.StartsWith("HTTP/1.1 "u8) ? Of(400, vllm) : Replace(bytes, vllm);
        }
    }
}
