namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's range, of at most <see cref="Most"/> numbers.</summary>
internal sealed class RangeValue(IntValue start, IntValue stop, IntValue step, int count) : Value
{
    /// <summary>The most numbers of a range.</summary>
    public const int Most = 100_000;

    public IntValue Start => start;

    public int Count => count;

    public override string TypeName => "range";

    public override bool IsTrue => count > 0;

    public override int? Length => count;

    public IntValue At(int index) => IntValue.Of(start.Value + (index * step.Value));

    public override IEnumerator<Value>? Iterate(Interpreter run)
    {
        for (int i = 0; i < count; i++)
        {
            yield return At(i);
        }
    }

    public override Value? Attribute(Interpreter run, string name) => name switch
    {
        "start" => start,
        "stop" => stop,
        "step" => step,
        _ => SequenceMethods.OfRange(run, this, name),
    };

    public override Value? Item(Interpreter run, Value key)
    {
        if (Operators.AsIndex(key) is not { } index)
        {
            return null;
        }
        index += index < 0 ? count : 0;
        return index < 0 || index >= count ? null : At((int)index);
    }

    public override Value Slice(Interpreter run, Value first, Value last, Value by)
    {
        SliceRange range = SliceRange.Of(count, first, last, by);
        IntValue from = At(range.Start), width = IntValue.Of(step.Value * range.Step);
        // The end that Python shows is where the slice's own end lies.
        SliceRange rest = SliceRange.Of(count, last, NoneValue.None, NoneValue.None);
        int end = last is NoneValue ? (range.Step > 0 ? count : -1) : rest.Start;
        return new RangeValue(from, At(end), width, range.Count);
    }

    public override void Represent(TextBuilder to)
    {
        to.Append("range(");
        start.Represent(to);
        to.Append(", ");
        stop.Represent(to);
        if (!step.Value.IsOne)
        {
            to.Append(", ");
            step.Represent(to);
        }
        to.Append(')');
    }
}
