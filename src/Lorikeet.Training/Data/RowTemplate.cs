using System.Text;

namespace Lorikeet.Training;

/// <summary>A text with fields of a row in braces; <c>{{</c> and <c>}}</c> are braces.</summary>
internal sealed class RowTemplate
{
    private readonly List<(string Text, string? Field)> pieces = [];

    /// <summary>Reads a template.</summary>
    /// <param name="template">The text.</param>
    /// <param name="needsField">Whether a text without a field is refused.</param>
    /// <exception cref="ArgumentException">A brace has no partner, or there is no field.</exception>
    public RowTemplate(string template, bool needsField = true)
    {
        StringBuilder text = new();
        for (int i = 0; i < template.Length; i++)
        {
            char c = template[i];
            if (c is '{' or '}' && i + 1 < template.Length && template[i + 1] == c)
            {
                text.Append(c);
                i++;
            }
            else if (c == '}')
            {
                throw Bad(template, i, "a } without a {");
            }
            else if (c == '{')
            {
                int end = template.IndexOf('}', i);
                if (end < i + 2 || template.AsSpan(i + 1, end - i - 1).Contains('{'))
                {
                    throw Bad(template, i, "a { without a name and a }");
                }
                pieces.Add((text.ToString(), template[(i + 1)..end]));
                text.Clear();
                i = end;
            }
            else
            {
                text.Append(c);
            }
        }
        if (text.Length > 0)
        {
            pieces.Add((text.ToString(), null));
        }
        Fields = [.. pieces.Select(p => p.Field).OfType<string>()];
        if (needsField && Fields.Count == 0)
        {
            throw new ArgumentException($"the template '{template}' names no field; expected names in braces, as in {{question}}");
        }
    }

    /// <summary>The fields in the order of the text.</summary>
    public IReadOnlyList<string> Fields { get; }

    /// <summary>The whole text of a row.</summary>
    public string Fill(DataRow row) => Fill(row, null).Before;

    /// <summary>The text before a field, and from it on.</summary>
    /// <param name="row">The row.</param>
    /// <param name="field">The field, at its last place in the template; null: all is before.</param>
    public (string Before, string From) Fill(DataRow row, string? field)
    {
        int split = field is null ? pieces.Count : pieces.FindLastIndex(p => p.Field == field);
        if (split < 0)
        {
            throw new ArgumentException($"the template has no field {{{field}}}; it has {string.Join(", ", Fields.Select(f => $"{{{f}}}"))}");
        }
        StringBuilder before = new(), from = new();
        for (int i = 0; i < pieces.Count; i++)
        {
            (string text, string? name) = pieces[i];
            (i > split ? from : before).Append(text);
            if (name is not null)
            {
                (i >= split ? from : before).Append(row.Text(name));
            }
        }
        return (before.ToString(), from.ToString());
    }

    private static ArgumentException Bad(string template, int at, string what) =>
        new($"the template '{template}' has {what} at character {at + 1}; write {{{{ and }}}} for braces that are text");
}
