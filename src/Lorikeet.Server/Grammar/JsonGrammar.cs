namespace Lorikeet.Server;

/// <summary>The parts of JSON as grammar: strings, numbers, any value, little white space.</summary>
internal sealed class JsonGrammar
{
    private static readonly CodePoints Unescaped = CodePoints.Of((0, 0x1F), ('"', '"'), ('\\', '\\'), (0xD800, 0xDFFF)).Complement();

    private readonly GrammarBuilder builder;
    private readonly Dictionary<string, GrammarElement> made = [];

    public JsonGrammar(GrammarBuilder builder) => this.builder = builder;

    /// <summary>Nothing, a blank, or one or two line ends and at most 20 blanks: enough for any layout, and never endless.</summary>
    public GrammarElement Space => Once("space", () =>
    {
        GrammarElement blank = GrammarElement.Of(ByteSet.Of((byte)' ') | ByteSet.Of((byte)'\t'));
        GrammarElement line = GrammarElement.Of(ByteSet.Of((byte)'\n'));
        GrammarElement blanks = builder.Repeat(blank, 0, 20);
        return builder.Choice(GrammarBuilder.Nothing, [GrammarElement.Of(ByteSet.Of((byte)' '))], [line, blanks], [line, line, blanks]);
    });

    /// <summary>One character inside a string, escaped or not.</summary>
    public GrammarElement AnyCharacter => Once("char", () => builder.Choice([builder.Characters(Unescaped)], [Escape]));

    public GrammarElement String => Once("string", () => Quoted(builder.Repeat(AnyCharacter, 0, null)));

    public GrammarElement Integer => Once("integer", () => RegexGrammar.Compile(builder, "-?(0|[1-9][0-9]{0,17})", own: true));

    public GrammarElement Number => Once("number", () => RegexGrammar.Compile(builder, "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,17})?([eE][-+]?[0-9]{1,2})?", own: true));

    public GrammarElement Null => Once("null", () => Word("null"));

    public GrammarElement Boolean => Once("boolean", () => builder.Choice(GrammarBuilder.Text("true"), GrammarBuilder.Text("false")));

    /// <summary>Any value.</summary>
    public GrammarElement Value
    {
        get
        {
            if (made.TryGetValue("value", out GrammarElement known))
            {
                return known;
            }
            int rule = builder.Declare();
            GrammarElement value = made["value"] = GrammarElement.Of(rule);
            foreach (GrammarElement part in (GrammarElement[])[String, Number, Object, Array, Boolean, Null])
            {
                builder.Add(rule, part);
            }
            return value;
        }
    }

    /// <summary>Any object.</summary>
    public GrammarElement Object => Once("object", () => ObjectOf(Value));

    /// <summary>Any array.</summary>
    public GrammarElement Array => Once("array", () => ArrayOf(Value, 0, null));

    /// <summary>An object whose members all have values of one form.</summary>
    public GrammarElement ObjectOf(GrammarElement value)
    {
        GrammarElement member = builder.Sequence(String, Space, Mark(':'), Space, value);
        GrammarElement more = builder.Repeat(builder.Sequence(Space, Mark(','), Space, member), 0, null);
        return builder.Sequence(Mark('{'), Space, builder.Optional(member, more, Space), Mark('}'));
    }

    /// <summary>An array of items of one form.</summary>
    public GrammarElement ArrayOf(GrammarElement item, int least, int? most)
    {
        if (most == 0)
        {
            return builder.Sequence(Mark('['), Space, Mark(']'));
        }
        GrammarElement more = builder.Repeat(builder.Sequence(Space, Mark(','), Space, item), Math.Max(0, least - 1), most - 1);
        GrammarElement items = builder.Sequence(item, more, Space);
        return builder.Sequence(Mark('['), Space, least > 0 ? items : builder.Optional(items), Mark(']'));
    }

    /// <summary>A character of a set as it may stand in a string: itself or, where it must be, escaped.</summary>
    public GrammarElement Character(CodePoints set)
    {
        List<GrammarElement[]> alternatives = [];
        CodePoints plain = set.Except(Unescaped.Complement());
        if (plain.Ranges.Count > 0)
        {
            alternatives.Add([builder.Characters(plain)]);
        }
        foreach ((int first, int last) in set.Except(plain).Ranges)
        {
            for (int c = first; c <= last && c < 0x80; c++)
            {
                string escaped = c switch { '"' => "\\\"", '\\' => "\\\\", '\n' => "\\n", '\r' => "\\r", '\t' => "\\t", '\b' => "\\b", '\f' => "\\f", _ => $"\\u{c:x4}" };
                alternatives.Add(GrammarBuilder.Text(escaped));
            }
        }
        return builder.Choice(alternatives);
    }

    /// <summary>A string whose name is none of some; without escapes, so that none hides behind one.</summary>
    public GrammarElement OtherKey(IReadOnlyCollection<string> names)
    {
        Dictionary<string, int> rules = [];
        CodePoints plain = Unescaped;
        int rest = builder.Declare();
        builder.Add(rest, builder.Characters(plain), GrammarElement.Of(rest));
        builder.Add(rest, Mark('"'));
        HashSet<string> heads = [""];
        foreach (string name in names)
        {
            for (int length = 1; length <= name.Length; length++)
            {
                heads.Add(name[..length]);
            }
        }
        foreach (string head in heads)
        {
            rules[head] = builder.Declare();
        }
        foreach (string head in heads)
        {
            List<(int, int)> next = [];
            foreach (string longer in heads.Where(h => h.Length == head.Length + 1 && h.StartsWith(head, StringComparison.Ordinal)))
            {
                char c = longer[^1];
                // A pair of surrogates is one character: whoever shares the first half is not offered as another key.
                next.Add(char.IsSurrogate(c) ? (0x10000, 0x10FFFF) : (c, c));
                if (!char.IsSurrogate(c) && plain.Except(CodePoints.Of((c, c))).Ranges != plain.Ranges && c is not ('"' or '\\') && c >= 0x20)
                {
                    builder.Add(rules[head], builder.Characters(CodePoints.Of((c, c))), GrammarElement.Of(rules[longer]));
                }
            }
            CodePoints others = plain.Except(CodePoints.Of(next));
            if (others.Ranges.Count > 0)
            {
                builder.Add(rules[head], builder.Characters(others), GrammarElement.Of(rest));
            }
            if (!names.Contains(head))
            {
                builder.Add(rules[head], Mark('"'));
            }
        }
        return builder.Sequence(Mark('"'), GrammarElement.Of(rules[""]));
    }

    /// <summary>A value written out.</summary>
    public GrammarElement Word(string text) => builder.Sequence(GrammarBuilder.Text(text));

    public GrammarElement Quoted(GrammarElement inner) => builder.Sequence(Mark('"'), inner, Mark('"'));

    public static GrammarElement Mark(char c) => GrammarElement.Of(ByteSet.Of((byte)c));

    private GrammarElement Escape => Once("escape", () => builder.Choice(
        [Mark('\\'), GrammarElement.Of(ByteSet.Of((byte)'"') | ByteSet.Of((byte)'\\') | ByteSet.Of((byte)'/') | ByteSet.Of((byte)'b') | ByteSet.Of((byte)'f')
            | ByteSet.Of((byte)'n') | ByteSet.Of((byte)'r') | ByteSet.Of((byte)'t'))],
        [RegexGrammar.Compile(builder, "\\\\u([0-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}|[dD][89abAB][0-9a-fA-F]{2}\\\\u[dD][c-fC-F][0-9a-fA-F]{2})", own: true)]));

    private GrammarElement Once(string name, Func<GrammarElement> make)
    {
        if (!made.TryGetValue(name, out GrammarElement element))
        {
            made[name] = element = make();
        }
        return element;
    }
}
