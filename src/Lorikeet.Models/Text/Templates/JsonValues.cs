using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace Lorikeet.Models.Text.Templates;

/// <summary>JSON as values: 1 is an int, 1.0 a float.</summary>
internal static class JsonValues
{
    /// <exception cref="TemplateException">A number has too many digits, or a text is half a surrogate pair.</exception>
    public static Value Read(JsonElement element)
    {
        StackGuard.Check();
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                DictValue dict = new();
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    dict.Set(new StringValue(Name(property)), Read(property.Value));
                }
                return dict;
            case JsonValueKind.Array:
                return new ListValue([.. element.EnumerateArray().Select(Read)]);
            case JsonValueKind.String:
                return new StringValue(Text(element));
            case JsonValueKind.Number:
                return Number(element.GetRawText());
            case JsonValueKind.True:
                return BoolValue.True;
            case JsonValueKind.False:
                return BoolValue.False;
            default:
                return NoneValue.None;
        }
    }

    private static Value Number(string text)
    {
        if (text.AsSpan().IndexOfAny(".eE") >= 0)
        {
            return new FloatValue(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture));
        }
        return text.Length <= IntValue.MostDigits + 1
            ? IntValue.Of(BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture))
            : throw Raise.Runtime($"the conversation holds a number of {text.Length} digits; at most {IntValue.MostDigits} are read");
    }

    private static string Text(JsonElement element)
    {
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new TemplateException("the conversation holds a text with half a surrogate pair (an escape like \\ud800); expected whole characters", e);
        }
    }

    private static string Name(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException e)
        {
            throw new TemplateException("the conversation holds a key with half a surrogate pair (an escape like \\ud800); expected whole characters", e);
        }
    }
}
