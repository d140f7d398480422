using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>Compiles a JSON schema into a grammar of the texts that satisfy it. A keyword is honoured or refused, never skipped.</summary>
internal sealed partial class SchemaGrammar
{
    private static readonly HashSet<string> Ignored = ["title", "description", "default", "examples", "$schema", "$id", "$comment", "$defs", "definitions"];
    private static readonly string[] Types = ["string", "number", "integer", "boolean", "null", "array", "object"];

    private readonly GrammarBuilder builder;
    private readonly JsonGrammar json;
    private readonly JsonElement root;
    private readonly Dictionary<string, int> references = [];
    private int properties;
    private int values;

    private SchemaGrammar(GrammarBuilder builder, JsonGrammar json, JsonElement root)
    {
        this.builder = builder;
        this.json = json;
        this.root = root;
    }

    /// <summary>The element that matches a schema's values.</summary>
    /// <param name="builder">Where its rules go.</param>
    /// <param name="json">JSON's parts in the same grammar.</param>
    /// <param name="schema">The schema.</param>
    /// <exception cref="GrammarException">The schema uses what is not offered, or contradicts itself; the pointer says where.</exception>
    public static GrammarElement Compile(GrammarBuilder builder, JsonGrammar json, JsonElement schema)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(schema.GetRawText()) is int bytes && bytes > builder.Limits.SchemaBytes)
        {
            throw new GrammarException($"the schema has {bytes} bytes; the limit is {builder.Limits.SchemaBytes}", "") { IsLimit = true };
        }
        return new SchemaGrammar(builder, json, schema).Of(schema, "", 0);
    }

    private GrammarElement Of(JsonElement schema, string place, int depth)
    {
        if (depth > builder.Limits.SchemaDepth)
        {
            throw new GrammarException($"the schema is nested deeper than {builder.Limits.SchemaDepth}", place) { IsLimit = true };
        }
        if (schema.ValueKind == JsonValueKind.True)
        {
            return json.Value;
        }
        if (schema.ValueKind == JsonValueKind.False)
        {
            throw Bad(place, "false allows no value");
        }
        if (schema.ValueKind != JsonValueKind.Object)
        {
            throw Bad(place, "a schema is an object, true or false");
        }
        HashSet<string> left = [.. schema.EnumerateObject().Select(p => p.Name).Where(n => !Ignored.Contains(n))];
        GrammarElement element =
            Take("$ref", out JsonElement reference) ? Reference(reference, place)
            : Take("enum", out JsonElement list) ? Enumeration(list, place, TakeTypes())
            : Take("const", out JsonElement constant) ? Constant(constant, place, TakeTypes())
            : Take("anyOf", out JsonElement any) ? Any(any, place + "/anyOf", depth, schema, left)
            : Take("allOf", out JsonElement all) ? Single(all, place + "/allOf", depth)
            : Typed(schema, left, place, depth);
        return left.Count == 0 ? element : throw Bad($"{place}/{Escape(left.Order(StringComparer.Ordinal).First())}", $"the keyword '{left.Order(StringComparer.Ordinal).First()}' is not offered here");

        bool Take(string name, out JsonElement value)
        {
            value = default;
            return left.Remove(name) && schema.TryGetProperty(name, out value);
        }

        IReadOnlyList<string>? TakeTypes() => left.Remove("type") ? TypeNames(schema, place) : null;
    }

    private GrammarElement Reference(JsonElement reference, string place)
    {
        string target = reference.ValueKind == JsonValueKind.String ? reference.GetString()! : throw Bad(place + "/$ref", "$ref is a string");
        if (!target.StartsWith('#'))
        {
            throw Bad(place + "/$ref", $"'{target}' is not in this schema: only local references (#/...) are offered");
        }
        if (references.TryGetValue(target, out int known))
        {
            return GrammarElement.Of(known);
        }
        JsonElement found = root;
        foreach (string part in target[1..].Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            string name = Uri.UnescapeDataString(part).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            found = found.ValueKind == JsonValueKind.Object && found.TryGetProperty(name, out JsonElement inner) ? inner : throw Bad(place + "/$ref", $"'{target}' leads nowhere");
        }
        int rule = builder.Declare();
        references[target] = rule;
        builder.Add(rule, Of(found, target[1..], 0));
        return GrammarElement.Of(rule);
    }

    private GrammarElement Enumeration(JsonElement list, string place, IReadOnlyList<string>? types)
    {
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0)
        {
            throw Bad(place + "/enum", "enum is an array of at least one value");
        }
        values += list.GetArrayLength();
        if (values > builder.Limits.SchemaValues)
        {
            throw new GrammarException($"the schema's enumerations have more than {builder.Limits.SchemaValues} values", place + "/enum") { IsLimit = true };
        }
        JsonElement[] kept = [.. list.EnumerateArray().Where(v => types is null || types.Any(t => Is(v, t)))];
        return kept.Length == 0 ? throw Bad(place + "/enum", "no value of the enumeration has the type") : builder.Choice(kept.Select(Written));
    }

    private GrammarElement Constant(JsonElement constant, string place, IReadOnlyList<string>? types) =>
        types is null || types.Any(t => Is(constant, t)) ? builder.Choice(Written(constant)) : throw Bad(place + "/const", "the constant has not the type");

    private static GrammarElement[] Written(JsonElement value) =>
        GrammarBuilder.Text(System.Text.Encoding.UTF8.GetString(JsonText.Bytes(writer => value.WriteTo(writer)).Span));

    private GrammarElement Any(JsonElement any, string place, int depth, JsonElement schema, HashSet<string> left)
    {
        if (any.ValueKind != JsonValueKind.Array || any.GetArrayLength() == 0)
        {
            throw Bad(place, "anyOf is an array of at least one schema");
        }
        // A type beside anyOf that says no more than its members do.
        if (left.Contains("type"))
        {
            IReadOnlyList<string> types = TypeNames(schema, place);
            if (!any.EnumerateArray().All(m => m.ValueKind == JsonValueKind.Object && m.TryGetProperty("type", out JsonElement t) && t.ValueKind == JsonValueKind.String && types.Contains(t.GetString()!)))
            {
                throw Bad(place, "a type beside anyOf is offered where each member has one of them too");
            }
            left.Remove("type");
        }
        List<GrammarElement[]> alternatives = [];
        foreach (JsonElement member in any.EnumerateArray())
        {
            alternatives.Add([Of(member, $"{place}/{alternatives.Count}", depth + 1)]);
        }
        return builder.Choice(alternatives);
    }

    private GrammarElement Single(JsonElement all, string place, int depth) =>
        all.ValueKind == JsonValueKind.Array && all.GetArrayLength() == 1
            ? Of(all[0], place + "/0", depth + 1)
            : throw Bad(place, "allOf is offered with one entry");

    private GrammarElement Typed(JsonElement schema, HashSet<string> left, string place, int depth)
    {
        IReadOnlyList<string> types;
        if (left.Remove("type"))
        {
            types = TypeNames(schema, place);
        }
        else if (left.Count == 0)
        {
            return json.Value;
        }
        else
        {
            types = Implied(left) is { } implied ? [implied] : throw Bad(place, "the schema has no type");
        }
        List<GrammarElement[]> alternatives = [];
        HashSet<string> used = [];
        foreach (string type in types)
        {
            HashSet<string> own = [.. left];
            alternatives.Add([OfType(type, schema, own, place, depth)]);
            used.UnionWith(left.Except(own));
        }
        left.ExceptWith(used);
        return alternatives is [[var single]] ? single : builder.Choice(alternatives);
    }

    private static string? Implied(HashSet<string> left) =>
        left.Overlaps(["properties", "required", "additionalProperties"]) ? "object"
        : left.Overlaps(["items", "prefixItems", "minItems", "maxItems"]) ? "array"
        : left.Overlaps(["minLength", "maxLength", "pattern", "format"]) ? "string"
        : null;

    private GrammarElement OfType(string type, JsonElement schema, HashSet<string> left, string place, int depth) => type switch
    {
        "string" => Text(schema, left, place),
        "number" => Bounded(left) ? throw Bad(place, "bounds are offered for integers, not for numbers") : json.Number,
        "integer" => Integer(schema, left, place),
        "boolean" => json.Boolean,
        "null" => json.Null,
        "array" => Array(schema, left, place, depth),
        _ => Object(schema, left, place, depth),
    };

    private static bool Bounded(HashSet<string> left) => left.Overlaps(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]);

    private static IReadOnlyList<string> TypeNames(JsonElement schema, string place)
    {
        JsonElement type = schema.GetProperty("type");
        string[] names = type.ValueKind switch
        {
            JsonValueKind.String => [type.GetString()!],
            JsonValueKind.Array when type.GetArrayLength() > 0 && type.EnumerateArray().All(t => t.ValueKind == JsonValueKind.String) => [.. type.EnumerateArray().Select(t => t.GetString()!)],
            _ => throw Bad(place + "/type", "type is a string or an array of strings"),
        };
        return names.All(Types.Contains) ? names : throw Bad(place + "/type", $"there is no type '{names.First(n => !Types.Contains(n))}'");
    }

    private static bool Is(JsonElement value, string type) => type switch
    {
        "string" => value.ValueKind == JsonValueKind.String,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && value.GetDouble() == Math.Floor(value.GetDouble()),
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "null" => value.ValueKind == JsonValueKind.Null,
        "array" => value.ValueKind == JsonValueKind.Array,
        _ => value.ValueKind == JsonValueKind.Object,
    };

    private static int? Count(JsonElement schema, HashSet<string> left, string name, string place) =>
        !left.Remove(name) ? null
        : schema.GetProperty(name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out int number) && number >= 0 ? number
        : throw Bad($"{place}/{name}", $"{name} is an integer of 0 or more");

    private static string Escape(string name) => name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    private static GrammarException Bad(string place, string what) => new($"the schema at '{place}': {what}", place);
}
