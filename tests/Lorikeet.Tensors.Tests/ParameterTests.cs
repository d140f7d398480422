using Lorikeet.Kernels;

namespace Lorikeet.Tensors.Tests;

public class ParameterTests
{
    [Fact]
    public void A_value_is_read_once_when_it_is_asked_for_and_its_shape_before()
    {
        foreach (ElementType type in (ElementType[])[ElementType.F32, ElementType.BF16, ElementType.F16])
        {
            Source source = new(type, 1.5f, -2f, 0.25f, 8f, -0f, 3f);
            using Parameter parameter = new("p", new Shape(2, 3), source);
            Assert.Equal((new Shape(2, 3), 0), (parameter.Shape, source.Reads));
            Assert.Same(source, parameter.Unread);
            Parallel.For(0, 8, _ => Assert.Equal([1.5f, -2f, 0.25f, 8f, -0f, 3f], parameter.Value.Span));
            Assert.Equal(1, source.Reads);
            Assert.Null(parameter.Unread);
        }
    }

    [Fact]
    public void What_is_wrong_with_a_value_is_thrown_each_time_it_is_asked_for()
    {
        Source source = new(ElementType.BF16, 1f) { Error = new IOException("gone") };
        using Parameter parameter = new("p", new Shape(1, 1), source);
        for (int i = 1; i <= 2; i++)
        {
            Assert.Throws<IOException>(() => parameter.Value);
            Assert.Equal((i, 1), (source.Reads, parameter.Shape.Width));
        }
    }

    [Fact]
    public void A_freed_parameter_reads_nothing()
    {
        Source source = new(ElementType.F32, 1f);
        Parameter parameter = new("p", new Shape(1, 1), source);
        parameter.Dispose();
        Assert.Null(parameter.Unread);
        Assert.Throws<ObjectDisposedException>(() => parameter.Value.Span.Length);
        Assert.Equal(0, source.Reads);
    }

    private sealed class Source(ElementType type, params float[] values) : IParameterSource
    {
        private int reads;

        public int Reads => reads;

        public Exception? Error { get; init; }

        public ElementType Type => type;

        public void Read(Span<byte> to)
        {
            Interlocked.Increment(ref reads);
            if (Error is not null)
            {
                throw Error;
            }
            Assert.Equal(values.Length * type.Size(), to.Length);
            Casting.FromSingle(values, type, to);
        }
    }
}
