using System.Globalization;
using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>Strings, integers, arrays and objects of a schema.</summary>
internal sealed partial class SchemaGrammar
{
    private static readonly Dictionary<string, string> Formats = new()
    {
        ["date"] = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
        ["time"] = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])",
        ["uuid"] = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    };

    private GrammarElement Text(JsonElement schema, HashSet<string> left, string place)
    {
        int? least = Count(schema, left, "minLength", place), most = Count(schema, left, "maxLength", place);
        if (most < least)
        {
            throw Bad(place, "maxLength is below minLength");
        }
        bool hasPattern = left.Remove("pattern"), hasFormat = left.Remove("format");
        if ((hasPattern ? 1 : 0) + (hasFormat ? 1 : 0) + (least is null && most is null ? 0 : 1) > 1)
        {
            throw Bad(place, "only one of pattern, format and a length is offered for a string");
        }
        if (hasFormat)
        {
            string name = schema.GetProperty("format") is { ValueKind: JsonValueKind.String } format ? format.GetString()! : throw Bad(place + "/format", "format is a string");
            string pattern = name == "date-time" ? Formats["date"] + "T" + Formats["time"]
                : Formats.TryGetValue(name, out string? known) ? known
                : throw Bad(place + "/format", $"the format '{name}' is not offered");
            return json.Quoted(RegexGrammar.Compile(builder, pattern, json.Character, own: true));
        }
        if (hasPattern)
        {
            string pattern = schema.GetProperty("pattern") is { ValueKind: JsonValueKind.String } given ? given.GetString()! : throw Bad(place + "/pattern", "pattern is a string");
            if (pattern.Length > builder.Limits.GrammarBytes)
            {
                throw new GrammarException($"the pattern has {pattern.Length} characters; the limit is {builder.Limits.GrammarBytes}", place + "/pattern") { IsLimit = true };
            }
            try
            {
                return json.Quoted(RegexGrammar.Compile(builder, pattern, json.Character, search: true));
            }
            catch (GrammarException e) when (e.Pointer is null)
            {
                throw new GrammarException(e.Message, place + "/pattern") { IsLimit = e.IsLimit };
            }
        }
        return least is null && most is null ? json.String : json.Quoted(builder.Repeat(json.AnyCharacter, least ?? 0, most));
    }

    private GrammarElement Integer(JsonElement schema, HashSet<string> left, string place)
    {
        if (!Bounded(left))
        {
            return json.Integer;
        }
        long? least = Bound("minimum"), above = Bound("exclusiveMinimum"), most = Bound("maximum"), below = Bound("exclusiveMaximum");
        least = above is { } a && (least is null || a + 1 > least) ? a + 1 : least;
        most = below is { } b && (most is null || b - 1 < most) ? b - 1 : most;
        if (least > most)
        {
            throw Bad(place, "no integer is within the bounds");
        }
        return builder.Choice(IntegerRange.Patterns(least, most).Select(p => new[] { RegexGrammar.Compile(builder, p, own: true) }));

        long? Bound(string name)
        {
            if (!left.Remove(name))
            {
                return null;
            }
            JsonElement value = schema.GetProperty(name);
            if (value.ValueKind != JsonValueKind.Number)
            {
                throw Bad($"{place}/{name}", $"{name} is a number");
            }
            double real = value.GetDouble();
            if (Math.Abs(real) > IntegerRange.Largest)
            {
                throw Bad($"{place}/{name}", string.Create(CultureInfo.InvariantCulture, $"{name} is beyond ±{IntegerRange.Largest}"));
            }
            // Between two integers: the next one inwards, and the exclusive bound one further out.
            return name switch
            {
                "minimum" => (long)Math.Ceiling(real),
                "maximum" => (long)Math.Floor(real),
                "exclusiveMinimum" => (long)Math.Floor(real),
                _ => (long)Math.Ceiling(real),
            };
        }
    }

    private GrammarElement Array(JsonElement schema, HashSet<string> left, string place, int depth)
    {
        int least = Count(schema, left, "minItems", place) ?? 0;
        int? most = Count(schema, left, "maxItems", place);
        if (most < least)
        {
            throw Bad(place, "maxItems is below minItems");
        }
        bool hasItems = left.Remove("items");
        JsonElement items = hasItems ? schema.GetProperty("items") : default;
        if (!left.Remove("prefixItems"))
        {
            return items.ValueKind == JsonValueKind.False
                ? json.ArrayOf(json.Value, least, 0)
                : json.ArrayOf(hasItems ? Of(items, place + "/items", depth + 1) : json.Value, least, most);
        }
        JsonElement prefix = schema.GetProperty("prefixItems");
        if (prefix.ValueKind != JsonValueKind.Array || prefix.GetArrayLength() == 0)
        {
            throw Bad(place + "/prefixItems", "prefixItems is an array of at least one schema");
        }
        GrammarElement[] first = [.. prefix.EnumerateArray().Select((p, i) => Of(p, $"{place}/prefixItems/{i}", depth + 1))];
        bool open = items.ValueKind != JsonValueKind.False;
        int count = most is { } limit ? Math.Min(first.Length, limit) : first.Length;
        // From the end: after the items before it, each may be the last one where enough are there.
        GrammarElement tail = builder.Sequence(json.Space);
        if (open && count == first.Length)
        {
            GrammarElement item = hasItems ? Of(items, place + "/items", depth + 1) : json.Value;
            tail = builder.Sequence(builder.Repeat(builder.Sequence(json.Space, JsonGrammar.Mark(','), json.Space, item), Math.Max(0, least - count), most - count), json.Space);
        }
        else if (least > count)
        {
            throw Bad(place, $"minItems is {least}, at most {count} items are possible");
        }
        for (int i = count - 1; i >= 0; i--)
        {
            GrammarElement[] with = i == 0 ? [json.Space, first[i], tail] : [json.Space, JsonGrammar.Mark(','), json.Space, first[i], tail];
            tail = i >= least ? builder.Choice(with, [json.Space]) : builder.Choice(with);
        }
        return builder.Sequence(JsonGrammar.Mark('['), tail, JsonGrammar.Mark(']'));
    }

    private GrammarElement Object(JsonElement schema, HashSet<string> left, string place, int depth)
    {
        List<(string Name, GrammarElement Member, bool Required)> members = [];
        HashSet<string> required = [];
        if (left.Remove("required"))
        {
            JsonElement names = schema.GetProperty("required");
            required = names.ValueKind == JsonValueKind.Array && names.EnumerateArray().All(n => n.ValueKind == JsonValueKind.String)
                ? [.. names.EnumerateArray().Select(n => n.GetString()!)]
                : throw Bad(place + "/required", "required is an array of strings");
        }
        bool named = left.Remove("properties");
        if (named)
        {
            JsonElement list = schema.GetProperty("properties");
            if (list.ValueKind != JsonValueKind.Object)
            {
                throw Bad(place + "/properties", "properties is an object");
            }
            foreach (JsonProperty property in list.EnumerateObject())
            {
                if (++properties > builder.Limits.SchemaProperties)
                {
                    throw new GrammarException($"the schema has more than {builder.Limits.SchemaProperties} properties", place + "/properties") { IsLimit = true };
                }
                string key = System.Text.Encoding.UTF8.GetString(JsonText.Bytes(w => w.WriteStringValue(property.Name)).Span);
                GrammarElement value = Of(property.Value, $"{place}/properties/{Escape(property.Name)}", depth + 1);
                members.Add((property.Name, builder.Sequence([.. GrammarBuilder.Text(key), json.Space, JsonGrammar.Mark(':'), json.Space, value]), required.Remove(property.Name)));
            }
        }
        GrammarElement? other = Others(schema, left, named, members, place, depth);
        foreach (string name in required)
        {
            // A required name without a schema of its own is any value, or an additional property's.
            if (other is null && named)
            {
                throw Bad(place + "/required", $"'{name}' is required and not among the properties");
            }
            members.Add((name, builder.Sequence([.. GrammarBuilder.Text($"\"{name}\""), json.Space, JsonGrammar.Mark(':'), json.Space, json.Value]), true));
        }
        return Members(members, other);
    }

    private GrammarElement? Others(JsonElement schema, HashSet<string> left, bool named, List<(string Name, GrammarElement Member, bool Required)> members, string place, int depth)
    {
        // Not said: an object without named properties is open; one with them is written with those alone, which is one of its values.
        JsonElement additional = left.Remove("additionalProperties") ? schema.GetProperty("additionalProperties") : default;
        if (additional.ValueKind == JsonValueKind.False || (additional.ValueKind == JsonValueKind.Undefined && named))
        {
            return null;
        }
        GrammarElement value = additional.ValueKind is JsonValueKind.Undefined or JsonValueKind.True ? json.Value : Of(additional, place + "/additionalProperties", depth + 1);
        GrammarElement key = members.Count == 0 ? json.String : json.OtherKey([.. members.Select(m => m.Name)]);
        return builder.Sequence(key, json.Space, JsonGrammar.Mark(':'), json.Space, value);
    }

    // In the schema's order; what is not required may be left out, others come last.
    private GrammarElement Members(List<(string Name, GrammarElement Member, bool Required)> members, GrammarElement? other)
    {
        GrammarElement comma = builder.Sequence(json.Space, JsonGrammar.Mark(','), json.Space);
        GrammarElement more = other is { } o ? builder.Repeat(builder.Sequence(comma, o), 0, null) : builder.Choice(GrammarBuilder.Nothing);
        GrammarElement first = other is { } o2 ? builder.Optional(o2, more) : builder.Choice(GrammarBuilder.Nothing);
        for (int i = members.Count - 1; i >= 0; i--)
        {
            (_, GrammarElement member, bool needed) = members[i];
            GrammarElement[] asFirst = [member, more], asNext = [comma, member, more];
            first = needed ? builder.Choice(asFirst) : builder.Choice(asFirst, [first]);
            more = needed ? builder.Choice(asNext) : builder.Choice(asNext, [more]);
        }
        return builder.Sequence(JsonGrammar.Mark('{'), json.Space, first, json.Space, JsonGrammar.Mark('}'));
    }
}
