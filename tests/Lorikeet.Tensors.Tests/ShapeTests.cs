namespace Lorikeet.Tensors.Tests;

public sealed class ShapeTests
{
    [Fact]
    public void Rows_are_all_axes_but_the_last()
    {
        Shape shape = new(2, 3, 5, 7);
        Assert.Equal((4, 30, 7, 210L), (shape.Rank, shape.Rows, shape.Width, shape.Length));
        Assert.Equal((1, 4, 4L), (new Shape(4).Rows, new Shape(4).Width, new Shape(4).Length));
        Assert.Equal("[2, 3, 5, 7]", shape.ToString());
        Assert.Equal(5, shape[2]);
        Assert.Throws<ArgumentOutOfRangeException>(() => shape[4]);
    }

    [Fact]
    public void Shapes_are_equal_axis_by_axis()
    {
        Assert.True(new Shape(2, 3) == new Shape(2, 3));
        Assert.True(new Shape(2, 3) != new Shape(3, 2));
        Assert.True(new Shape(6) != new Shape(6, 1));
    }

    [Fact]
    public void What_is_no_shape_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new Shape([]));
        Assert.Throws<ArgumentException>(() => new Shape(1, 2, 3, 4, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Shape(2, -1));
    }

    [Fact]
    public void Views_share_memory_and_check_their_bounds()
    {
        using Arena arena = new();
        Tensor x = arena.Zeros(new Shape(4, 6));
        x.ViewRows(1, 2).Row(1)[5] = 3;
        Assert.Equal(3, x.View(new Shape(8, 3)).Row(5)[2]);
        Assert.Throws<ArgumentException>(() => x.View(new Shape(5, 5)));
        Assert.Throws<ArgumentException>(() => x.ViewRows(3, 2));
        Assert.Throws<ArgumentException>(() => x.ViewRows(int.MaxValue, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => x.Row(4));
    }

    [Fact]
    public void Freed_memory_is_refused()
    {
        Tensor x = Storage.Zeros(new Shape(3));
        x.Free();
        x.Free();
        Assert.Throws<ObjectDisposedException>(() => x.Span.Length);
    }
}
