using System.Collections.Frozen;

namespace Lorikeet.Models.Text.Templates;

/// <summary>All filters of Jinja 3.1, with Transformers' <c>tojson</c>: one line each.</summary>
internal static class FilterTable
{
    private static readonly FrozenDictionary<string, Filter> Table = new Dictionary<string, Filter>
    {
        ["abs"] = new(NumberFilters.Abs),
        ["attr"] = new(ItemFilters.Attr, 1, "name"),
        ["batch"] = new(GroupFilters.Batch, 1, "linecount", "fill_with"),
        ["capitalize"] = new((run, v, _) => StringMethods.Mapped(run, TextFilters.Soft(run, v), Casing.Capitalize)),
        ["center"] = new(TextFilters.Center, 0, "width"),
        ["count"] = new(ItemFilters.Length),
        ["d"] = new(ItemFilters.Default, 0, "default_value", "boolean"),
        ["default"] = new(ItemFilters.Default, 0, "default_value", "boolean"),
        ["dictsort"] = new(OrderFilters.DictSort, 0, "case_sensitive", "by", "reverse"),
        ["e"] = new(HtmlFilters.Escape),
        ["escape"] = new(HtmlFilters.Escape),
        ["filesizeformat"] = new(NumberFilters.FileSize, 0, "binary"),
        ["first"] = new(ItemFilters.First),
        ["float"] = new(NumberFilters.ToFloat, 0, "default"),
        ["forceescape"] = new((run, v, _) => new StringValue(Markup.Escape(run, run.Print(v)), true)),
        ["format"] = Filter.Free(TextFilters.Format),
        ["groupby"] = new(GroupFilters.GroupBy, 1, "attribute", "default", "case_sensitive"),
        ["indent"] = new(TextFilters.Indent, 0, "width", "first", "blank"),
        ["int"] = new(NumberFilters.ToInt, 0, "default", "base"),
        ["items"] = new(ItemFilters.Items),
        ["join"] = new(TextFilters.Join, 0, "d", "attribute"),
        ["last"] = new(ItemFilters.Last),
        ["length"] = new(ItemFilters.Length),
        ["list"] = new((run, v, _) => new ListValue(run.List(v))),
        ["lower"] = new((run, v, _) => StringMethods.Mapped(run, TextFilters.Soft(run, v), Casing.Lower)),
        ["map"] = Filter.Free(MapFilters.Map),
        ["max"] = new((run, v, a) => OrderFilters.Extreme(run, v, a, true), 0, "case_sensitive", "attribute"),
        ["min"] = new((run, v, a) => OrderFilters.Extreme(run, v, a, false), 0, "case_sensitive", "attribute"),
        ["pprint"] = new((run, v, _) => new StringValue(PrettyText.Format(run, v))),
        ["random"] = new(ItemFilters.Random),
        ["reject"] = Filter.Free((run, v, a) => MapFilters.Select(run, v, a, false, false)),
        ["rejectattr"] = Filter.Free((run, v, a) => MapFilters.Select(run, v, a, false, true)),
        ["replace"] = new(TextFilters.Replace, 2, "old", "new", "count"),
        ["reverse"] = new(ItemFilters.Reverse),
        ["round"] = new(NumberFilters.Round, 0, "precision", "method"),
        ["safe"] = new((run, v, _) => new StringValue(run.Print(v), true)),
        ["select"] = Filter.Free((run, v, a) => MapFilters.Select(run, v, a, true, false)),
        ["selectattr"] = Filter.Free((run, v, a) => MapFilters.Select(run, v, a, true, true)),
        ["slice"] = new(GroupFilters.Slice, 1, "slices", "fill_with"),
        ["sort"] = new(OrderFilters.Sort, 0, "reverse", "case_sensitive", "attribute"),
        ["string"] = new((run, v, _) => TextFilters.Soft(run, v)),
        ["striptags"] = new((run, v, _) => new StringValue(HtmlText.StripTags(run.Print(v)))),
        ["sum"] = new(NumberFilters.Sum, 0, "attribute", "start"),
        ["title"] = new(TextFilters.Title),
        ["tojson"] = new(JsonText.Filter, 0, "ensure_ascii", "indent", "separators", "sort_keys"),
        ["trim"] = new(TextFilters.Trim, 0, "chars"),
        ["truncate"] = new(TextFilters.Truncate, 0, "length", "killwords", "end", "leeway"),
        ["unique"] = new(OrderFilters.Unique, 0, "case_sensitive", "attribute"),
        ["upper"] = new((run, v, _) => StringMethods.Mapped(run, TextFilters.Soft(run, v), Casing.Upper)),
        ["urlencode"] = new(HtmlFilters.UrlEncode),
        ["urlize"] = new(HtmlFilters.Urlize, 0, "trim_url_limit", "nofollow", "target", "rel", "extra_schemes"),
        ["wordcount"] = new(TextFilters.WordCount),
        ["wordwrap"] = new(WordWrap.Filter, 0, "width", "break_long_words", "wrapstring", "break_on_hyphens"),
        ["xmlattr"] = new(HtmlFilters.XmlAttributes, 0, "autospace"),
    }.ToFrozenDictionary();

    /// <summary>The filter of a name; null: there is none.</summary>
    public static Filter? Find(string name) => Table.GetValueOrDefault(name);

    /// <summary>The filter of a name that a template computed.</summary>
    public static Filter Require(Value name) => name is StringValue s && Find(s.Text) is { } filter ? filter : throw Unknown("filter", name);

    /// <summary>What is said of a computed name that does not exist.</summary>
    public static TemplateException Unknown(string what, Value name) => name is UndefinedValue undefined
        ? Raise.Runtime($"No {what} named Undefined. ({undefined.Fail().Reason}; did you forget to quote the callable name?)")
        : name is StringValue s ? Raise.Runtime($"No {what} named {StringText.Represent(s.Text)}.")
        : Raise.Runtime($"No {what} of that name: a {name.TypeName} was given.");
}
