namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's str: a sequence of code points. With <see cref="IsMarkup"/> it is text that counts as escaped.</summary>
internal sealed class StringValue : Value
{
    public static readonly StringValue Empty = new("");

    private int codePoints = -1;

    public StringValue(string text, bool markup = false)
    {
        Text = text;
        IsMarkup = markup;
    }

    public string Text { get; }

    /// <summary>Whether this is MarkupSafe's Markup: texts that are joined with it are escaped.</summary>
    public bool IsMarkup { get; }

    public override string TypeName => IsMarkup ? "Markup" : "str";

    public override bool IsTrue => Text.Length > 0;

    public override int? Length => Count;

    /// <summary>Code points.</summary>
    public int Count => codePoints >= 0 ? codePoints : codePoints = CodePoints.Count(Text);

    /// <summary>The text of a part of this, which is markup if this is.</summary>
    public StringValue Like(string text) => new(text, IsMarkup);

    public override IEnumerator<Value>? Iterate(Interpreter run) => Walk();

    public override Value? Attribute(Interpreter run, string name) => StringMethods.Find(run, this, name);

    public override Value? Item(Interpreter run, Value key)
    {
        if (Operators.AsIndex(key) is not { } index)
        {
            return null;
        }
        run.Budget.Work(Count == Text.Length ? 0 : Text.Length);
        if (index < 0)
        {
            index += Count;
        }
        return index < 0 || index >= Count ? null : Like(CodePoints.At(Text, Count, (int)index));
    }

    public override Value Slice(Interpreter run, Value start, Value stop, Value step)
    {
        SliceRange range = SliceRange.Of(Count, start, stop, step);
        run.Budget.Make(range.Count);
        run.Budget.Work(Count == Text.Length ? 0 : Text.Length);
        return Like(CodePoints.Slice(Text, Count, range));
    }

    public override void Print(TextBuilder to) => to.Append(Text);

    public override void Represent(TextBuilder to)
    {
        if (IsMarkup)
        {
            to.Append("Markup(");
        }
        StringText.Represent(Text, to);
        if (IsMarkup)
        {
            to.Append(')');
        }
    }

    private IEnumerator<Value> Walk()
    {
        for (int i = 0; i < Text.Length;)
        {
            int units = CodePoints.UnitsAt(Text, i);
            yield return new StringValue(Text.Substring(i, units));
            i += units;
        }
    }
}
