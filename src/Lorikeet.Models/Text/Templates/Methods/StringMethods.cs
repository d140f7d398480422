using System.Collections.Frozen;

namespace Lorikeet.Models.Text.Templates;

/// <summary>The methods of str: one line each; the longer ones have files of their own.</summary>
internal static class StringMethods
{
    private delegate Value Body(Interpreter run, StringValue self, Bound a);

    private static readonly FrozenDictionary<string, (Signature Signature, Body Body)> Table = new Dictionary<string, (Signature, Body)>
    {
        ["capitalize"] = (new("capitalize", 0), (run, s, _) => Mapped(run, s, Casing.Capitalize)),
        ["casefold"] = (new("casefold", 0), (run, s, _) => Mapped(run, s, Casing.Fold)),
        ["center"] = (new("center", 1, "width", "fillchar"), (run, s, a) => StringPadding.Pad(run, s, a, StringPadding.Center)),
        ["count"] = (new("count", 1, "sub", "start", "end"), StringFinding.Count),
        ["encode"] = (new("encode", 0, "encoding", "errors"), BytesMethods.Encode),
        ["endswith"] = (new("endswith", 1, "suffix", "start", "end"), (run, s, a) => StringFinding.Affix(run, s, a, false)),
        ["expandtabs"] = (new("expandtabs", 0, "tabsize"), StringPadding.ExpandTabs),
        ["find"] = (new("find", 1, "sub", "start", "end"), (run, s, a) => StringFinding.Find(run, s, a, false, false)),
        ["index"] = (new("index", 1, "sub", "start", "end"), (run, s, a) => StringFinding.Find(run, s, a, false, true)),
        ["isalnum"] = (new("isalnum", 0), (run, s, _) => All(run, s, c => CharacterFacts.IsAlpha(c) || CharacterFacts.IsNumeric(c))),
        ["isalpha"] = (new("isalpha", 0), (run, s, _) => All(run, s, CharacterFacts.IsAlpha)),
        ["isascii"] = (new("isascii", 0), (_, s, _) => BoolValue.Of(System.Text.Ascii.IsValid(s.Text))),
        ["isdecimal"] = (new("isdecimal", 0), (run, s, _) => All(run, s, CharacterFacts.IsDecimal)),
        ["isdigit"] = (new("isdigit", 0), (run, s, _) => All(run, s, CharacterFacts.IsDigit)),
        ["isidentifier"] = (new("isidentifier", 0), (_, s, _) => BoolValue.Of(StringText.IsIdentifier(s.Text))),
        ["islower"] = (new("islower", 0), (run, s, _) => BoolValue.Of(IsLower(run, s.Text))),
        ["isnumeric"] = (new("isnumeric", 0), (run, s, _) => All(run, s, CharacterFacts.IsNumeric)),
        ["isprintable"] = (new("isprintable", 0), (run, s, _) => BoolValue.Of(s.Text.Length == 0 || All(run, s, CharacterFacts.IsPrintable).IsTrue)),
        ["isspace"] = (new("isspace", 0), (run, s, _) => All(run, s, CharacterFacts.IsSpace)),
        ["istitle"] = (new("istitle", 0), (run, s, _) => BoolValue.Of(IsTitle(run, s.Text))),
        ["isupper"] = (new("isupper", 0), (run, s, _) => BoolValue.Of(IsUpper(run, s.Text))),
        ["join"] = (new("join", 1, "iterable"), Join),
        ["ljust"] = (new("ljust", 1, "width", "fillchar"), (run, s, a) => StringPadding.Pad(run, s, a, StringPadding.Left)),
        ["lower"] = (new("lower", 0), (run, s, _) => Mapped(run, s, Casing.Lower)),
        ["lstrip"] = (new("lstrip", 0, "chars"), (run, s, a) => Strip(run, s, a, true, false)),
        ["maketrans"] = (new("maketrans", 1, "x", "y", "z"), (_, _, a) => StringTranslation.MakeTable(a)),
        ["partition"] = (new("partition", 1, "sep"), (run, s, a) => StringSplitting.Partition(run, s, a, false)),
        ["removeprefix"] = (new("removeprefix", 1, "prefix"), (run, s, a) => Text(a) is var p && s.Text.StartsWith(p, StringComparison.Ordinal) ? s.Like(s.Text[p.Length..]) : s),
        ["removesuffix"] = (new("removesuffix", 1, "suffix"), (run, s, a) => Text(a) is var p && s.Text.EndsWith(p, StringComparison.Ordinal) ? s.Like(s.Text[..^p.Length]) : s),
        ["replace"] = (new("replace", 2, "old", "new", "count"), Replace),
        ["rfind"] = (new("rfind", 1, "sub", "start", "end"), (run, s, a) => StringFinding.Find(run, s, a, true, false)),
        ["rindex"] = (new("rindex", 1, "sub", "start", "end"), (run, s, a) => StringFinding.Find(run, s, a, true, true)),
        ["rjust"] = (new("rjust", 1, "width", "fillchar"), (run, s, a) => StringPadding.Pad(run, s, a, StringPadding.Right)),
        ["rpartition"] = (new("rpartition", 1, "sep"), (run, s, a) => StringSplitting.Partition(run, s, a, true)),
        ["rsplit"] = (new("rsplit", 0, "sep", "maxsplit"), (run, s, a) => StringSplitting.Split(run, s, a, true)),
        ["rstrip"] = (new("rstrip", 0, "chars"), (run, s, a) => Strip(run, s, a, false, true)),
        ["split"] = (new("split", 0, "sep", "maxsplit"), (run, s, a) => StringSplitting.Split(run, s, a, false)),
        ["splitlines"] = (new("splitlines", 0, "keepends"), (run, s, a) => StringSplitting.List(run, s, StringText.Lines(s.Text, a.Flag(0)))),
        ["startswith"] = (new("startswith", 1, "prefix", "start", "end"), (run, s, a) => StringFinding.Affix(run, s, a, true)),
        ["strip"] = (new("strip", 0, "chars"), (run, s, a) => Strip(run, s, a, true, true)),
        ["swapcase"] = (new("swapcase", 0), (run, s, _) => Mapped(run, s, Casing.Swap)),
        ["title"] = (new("title", 0), (run, s, _) => Mapped(run, s, Casing.Title)),
        ["translate"] = (new("translate", 1, "table"), StringTranslation.Translate),
        ["upper"] = (new("upper", 0), (run, s, _) => Mapped(run, s, Casing.Upper)),
        ["zfill"] = (new("zfill", 1, "width"), StringPadding.ZeroFill),
    }.ToFrozenDictionary();

    /// <summary>A method with its receiver; null: there is none of that name.</summary>
    public static Value? Find(Interpreter run, StringValue self, string name)
    {
        if (name is "format" or "format_map")
        {
            return new FunctionValue(name, (r, arguments) => new StringValue(StrFormat.Format(r, self, name == "format" ? arguments : StrFormat.Map(arguments)), self.IsMarkup));
        }
        if (name == "striptags" && self.IsMarkup)
        {
            return new FunctionValue(name, (r, _) => new StringValue(HtmlText.StripTags(self.Text)));
        }
        if (name == "unescape" && self.IsMarkup)
        {
            return new FunctionValue(name, (r, _) => new StringValue(System.Net.WebUtility.HtmlDecode(self.Text)));
        }
        return Table.TryGetValue(name, out (Signature Signature, Body Body) method)
            ? new FunctionValue(name, (r, arguments) => method.Body(r, self, method.Signature.Bind(arguments)))
            : HiddenNames.Find(self, name, HiddenNames.Containers);
    }

    /// <summary><c>replace</c>, which filters use too.</summary>
    public static string Replace(Interpreter run, string text, string old, string fresh, int count)
    {
        if (count == 0)
        {
            return text;
        }
        TextBuilder to = new(run.Budget);
        int done = 0, from = 0;
        if (old.Length == 0)
        {
            for (int i = 0; i <= text.Length && (count < 0 || done < count); done++)
            {
                to.Append(text.AsSpan(from, i - from)).Append(fresh);
                from = i;
                i += i < text.Length ? CodePoints.UnitsAt(text, i) : 1;
            }
            return to.Append(text.AsSpan(from)).ToString();
        }
        for (int at = TextSearch.IndexOf(run, text, old, 0); at >= 0 && (count < 0 || done < count); at = TextSearch.IndexOf(run, text, old, from))
        {
            to.Append(text.AsSpan(from, at - from)).Append(fresh);
            from = at + old.Length;
            done++;
        }
        return from == 0 ? text : to.Append(text.AsSpan(from)).ToString();
    }

    public static bool IsLower(Interpreter run, string text) => Cased(run, text, CharacterFacts.IsLower, c => CharacterFacts.IsUpper(c) || CharacterFacts.IsTitle(c));

    public static bool IsUpper(Interpreter run, string text) => Cased(run, text, CharacterFacts.IsUpper, c => CharacterFacts.IsLower(c) || CharacterFacts.IsTitle(c));

    public static StringValue Mapped(Interpreter run, StringValue self, Func<string, string> map)
    {
        run.Budget.Make(self.Text.Length);
        return self.Like(map(self.Text));
    }

    private static string Text(Bound a, int index = 0) =>
        a[index] is StringValue s ? s.Text : throw Raise.Runtime($"argument must be str, not {a.Get(index).TypeName}");

    private static StringValue Strip(Interpreter run, StringValue self, Bound a, bool left, bool right)
    {
        run.Budget.Make(self.Text.Length);
        return self.Like(StringText.Strip(self.Text, a.Text(0), left, right));
    }

    private static StringValue Replace(Interpreter run, StringValue self, Bound a)
    {
        string old = Text(a), fresh = Text(a, 1);
        return self.Like(Replace(run, self.Text, self.IsMarkup ? Markup.Escape(run, a.Get(0)) : old, self.IsMarkup ? Markup.Escape(run, a.Get(1)) : fresh, a.Number(2, -1)));
    }

    private static StringValue Join(Interpreter run, StringValue self, Bound a)
    {
        TextBuilder to = new(run.Budget);
        int index = 0;
        foreach (Value item in run.Enumerate(a.Get(0)))
        {
            string text = item is StringValue s ? (self.IsMarkup ? Markup.Escape(run, s) : s.Text)
                : self.IsMarkup ? Markup.Escape(run, item)
                : throw Raise.Runtime($"sequence item {index}: expected str instance, {item.TypeName} found");
            to.Append(index++ > 0 ? self.Text : "").Append(text);
        }
        return self.Like(to.ToString());
    }

    private static BoolValue All(Interpreter run, StringValue self, Func<int, bool> holds)
    {
        run.Budget.Work(self.Text.Length);
        return BoolValue.Of(self.Text.Length > 0 && StringText.Values(self.Text).All(holds));
    }

    private static bool Cased(Interpreter run, string text, Func<int, bool> wanted, Func<int, bool> other)
    {
        run.Budget.Work(text.Length);
        bool any = false;
        foreach (int c in StringText.Values(text))
        {
            if (other(c))
            {
                return false;
            }
            any |= wanted(c);
        }
        return any;
    }

    private static bool IsTitle(Interpreter run, string text)
    {
        run.Budget.Work(text.Length);
        bool any = false, after = false;
        foreach (int c in StringText.Values(text))
        {
            bool lower = CharacterFacts.IsLower(c), upper = CharacterFacts.IsUpper(c) || CharacterFacts.IsTitle(c);
            if ((upper && after) || (lower && !after))
            {
                return false;
            }
            any |= upper || lower;
            after = upper || lower;
        }
        return any;
    }
}
