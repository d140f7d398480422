using System.Numerics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>The indices that <c>[start:stop:step]</c> picks from a sequence, by Python's rules.</summary>
internal readonly record struct SliceRange(int Start, int Step, int Count)
{
    /// <summary>Resolves the three parts; None is "not given".</summary>
    public static SliceRange Of(int length, Value start, Value stop, Value step)
    {
        BigInteger by = step is NoneValue ? BigInteger.One : Part(step);
        if (by.IsZero)
        {
            throw Raise.Runtime("slice step cannot be zero");
        }
        BigInteger low = by.Sign > 0 ? 0 : -1, high = by.Sign > 0 ? length : length - 1;
        BigInteger first = start is NoneValue ? (by.Sign > 0 ? low : high) : Clamp(Part(start), length, low, high);
        BigInteger end = stop is NoneValue ? (by.Sign > 0 ? high : low) : Clamp(Part(stop), length, low, high);
        BigInteger count = by.Sign > 0
            ? end > first ? ((end - first - 1) / by) + 1 : 0
            : end < first ? ((first - end - 1) / -by) + 1 : 0;
        // A step beyond the sequence picks one item at most: any number that large will do.
        return new SliceRange((int)first, (int)BigInteger.Max(BigInteger.Min(by, int.MaxValue), int.MinValue + 1), (int)count);
    }

    public IEnumerable<int> Indices()
    {
        long at = Start;
        for (int i = 0; i < Count; i++, at += Step)
        {
            yield return (int)at;
        }
    }

    private static BigInteger Clamp(BigInteger value, int length, BigInteger low, BigInteger high)
    {
        if (value.Sign < 0)
        {
            value += length;
        }
        return BigInteger.Max(low, BigInteger.Min(high, value));
    }

    private static BigInteger Part(Value value) => value switch
    {
        IntValue i => i.Value,
        BoolValue b => b.Number,
        _ => throw Raise.Runtime("slice indices must be integers or None or have an __index__ method"),
    };
}
