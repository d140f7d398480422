namespace Lorikeet.Models.Text.Templates;

/// <summary>What filters take as <c>attribute</c>: a name, a number, or several with dots between them.</summary>
internal sealed class AttributePath
{
    private readonly List<Value> parts = [];
    private readonly Value? otherwise;
    private readonly bool foldCase;

    /// <param name="attribute">The path; null or None: the item itself.</param>
    /// <param name="otherwise">What stands for an attribute that is not there; null or None: undefined.</param>
    /// <param name="foldCase">Whether texts are made lower case.</param>
    public AttributePath(Value? attribute, Value? otherwise = null, bool foldCase = false)
    {
        this.otherwise = otherwise is NoneValue ? null : otherwise;
        this.foldCase = foldCase;
        switch (attribute)
        {
            case null or NoneValue:
                break;
            case StringValue text:
                parts.AddRange(text.Text.Split('.').Select(part =>
                    part.Length > 0 && part.Length < 18 && part.All(char.IsAsciiDigit) ? (Value)IntValue.Of(long.Parse(part, System.Globalization.CultureInfo.InvariantCulture)) : new StringValue(part)));
                break;
            default:
                parts.Add(attribute);
                break;
        }
    }

    public Value Get(Interpreter run, Value item)
    {
        foreach (Value part in parts)
        {
            item = run.GetItem(item, part);
            if (item is UndefinedValue && otherwise is not null)
            {
                item = otherwise;
            }
        }
        return foldCase && item is StringValue text ? StringMethods.Mapped(run, text, Casing.Lower) : item;
    }
}
