using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

/// <summary>Checks at the public edge of the row kernels; each failure says what was found and what was expected.</summary>
internal static class RowArguments
{
    /// <summary>Throws unless the span holds exactly <paramref name="expected"/> elements.</summary>
    public static void Length(
        ReadOnlySpan<float> span,
        long expected,
        [CallerArgumentExpression(nameof(span))] string? name = null,
        [CallerMemberName] string? kernel = null)
    {
        if (span.Length != expected)
        {
            ThrowLength(kernel, name, span.Length, expected);
        }
    }

    /// <summary>Throws unless the span is empty or holds exactly <paramref name="expected"/> elements.</summary>
    public static void LengthOrEmpty(
        ReadOnlySpan<float> span,
        long expected,
        [CallerArgumentExpression(nameof(span))] string? name = null,
        [CallerMemberName] string? kernel = null)
    {
        if (!span.IsEmpty && span.Length != expected)
        {
            ThrowLength(kernel, name, span.Length, expected);
        }
    }

    /// <summary>The number of rows of <paramref name="width"/> elements in a span of whole rows.</summary>
    public static int Rows(
        ReadOnlySpan<float> span,
        int width,
        [CallerArgumentExpression(nameof(span))] string? name = null,
        [CallerMemberName] string? kernel = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        int rows = span.Length / width;
        if (rows * width != span.Length)
        {
            throw new ArgumentException(
                $"{kernel}: {name} holds {span.Length} elements, which are no whole rows of {width}; pass [rows, {width}]", name);
        }
        return rows;
    }

    /// <summary>Throws where two spans overlap without starting at the same element: one would be overwritten before it is read.</summary>
    public static void SameOrApart(
        ReadOnlySpan<float> x,
        ReadOnlySpan<float> to,
        [CallerArgumentExpression(nameof(x))] string? name = null,
        [CallerMemberName] string? kernel = null)
    {
        if (x.Overlaps(to, out int offset) && offset != 0)
        {
            throw new ArgumentException(
                $"{kernel}: {name} overlaps the result at an offset of {offset} elements; pass the same span, or one that does not overlap",
                name);
        }
    }

    [DoesNotReturn]
    private static void ThrowLength(string? kernel, string? name, long found, long expected) =>
        throw new ArgumentException($"{kernel}: {name} holds {found} elements, expected {expected}; slice it to that length", name);
}
