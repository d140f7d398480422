namespace Lorikeet.Models.Files;

/// <summary>Passes writes on and refuses more, or in the end fewer, bytes than a tensor has.</summary>
internal sealed class CountedStream(Stream inner, long expected, string tensor) : Stream
{
    private long written;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => expected;

    public override long Position
    {
        get => written;
        set => throw new NotSupportedException("a tensor is written from its first byte to its last");
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (buffer.Length > expected - written)
        {
            throw new InvalidOperationException($"tensor {tensor}: more than the {expected} bytes of its shape were written");
        }
        inner.Write(buffer);
        written += buffer.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void WriteByte(byte value) => Write([value]);

    public void CheckComplete()
    {
        if (written != expected)
        {
            throw new InvalidOperationException($"tensor {tensor}: {written} bytes were written, its shape needs {expected}");
        }
    }

    public override void Flush() => inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("this stream is only written");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("a tensor is written from its first byte to its last");

    public override void SetLength(long value) => throw new NotSupportedException("a tensor's length follows from its shape");
}
