namespace Lorikeet.Models.Text.Templates;

/// <summary>HTML escaping as MarkupSafe does it.</summary>
internal static class Markup
{
    /// <summary>A value's text with <c>&amp; &lt; &gt; ' "</c> escaped, unless it is markup already.</summary>
    public static string Escape(Interpreter run, Value value) => value is StringValue { IsMarkup: true } markup ? markup.Text : Escape(run, run.Print(value));

    public static string Escape(Interpreter run, string text)
    {
        if (text.AsSpan().IndexOfAny("&<>'\"") < 0)
        {
            return text;
        }
        TextBuilder to = new(run.Budget);
        foreach (char c in text)
        {
            switch (c)
            {
                case '&':
                    to.Append("&amp;");
                    break;
                case '<':
                    to.Append("&lt;");
                    break;
                case '>':
                    to.Append("&gt;");
                    break;
                case '\'':
                    to.Append("&#39;");
                    break;
                case '"':
                    to.Append("&#34;");
                    break;
                default:
                    to.Append(c);
                    break;
            }
        }
        return to.ToString();
    }
}
