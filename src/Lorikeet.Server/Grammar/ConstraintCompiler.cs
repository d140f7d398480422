using System.Text.Json;
using Lorikeet.Models.Text;

namespace Lorikeet.Server;

/// <summary>Makes constraints from requests, and keeps the last ones: equal schemas come again and again.</summary>
internal sealed class ConstraintCompiler(Tokenizer tokenizer, ServerLimits limits)
{
    private const int MostKept = 64;
    private readonly Lazy<TokenTrie> trie = new(() => new TokenTrie(TokenBytes.Of(tokenizer)));
    private readonly Lock gate = new();
    private readonly Dictionary<string, LinkedListNode<(string Key, TokenConstraint Constraint)>> kept = new(StringComparer.Ordinal);
    private readonly LinkedList<(string Key, TokenConstraint Constraint)> order = [];

    /// <summary>By token its bytes, for log-probabilities.</summary>
    public IReadOnlyList<byte[]?> Tokens => trie.Value.Tokens;

    /// <summary>Reads <c>response_format</c>, <c>structured_outputs</c> and their old spellings; null: nothing constrains.</summary>
    public TokenConstraint? Read(in Fields body, string tenant)
    {
        (string Field, string Kind, JsonElement Value)? asked = Format(body);
        (string Field, string Kind, JsonElement Value)? structured = Structured(body);
        if (asked is not null && structured is not null)
        {
            throw ApiException.Value(structured.Value.Field, $"{structured.Value.Field} and a constraining response_format do not go together");
        }
        return (structured ?? asked) is { } constraint ? Make(tenant, constraint.Field, constraint.Kind, constraint.Value) : null;
    }

    /// <summary>The constraint of a key, made where it is not kept.</summary>
    /// <param name="tenant">Who asks: what one tenant's request took to make, another's does not find, or time would tell what others ask for.</param>
    /// <param name="field">What errors name.</param>
    /// <param name="key">What distinguishes it from all others.</param>
    /// <param name="build">Builds the root.</param>
    public TokenConstraint Of(string tenant, string field, string key, Func<GrammarBuilder, GrammarElement> build)
    {
        key = $"{tenant}:{key}";
        lock (gate)
        {
            if (kept.TryGetValue(key, out LinkedListNode<(string Key, TokenConstraint Constraint)>? node))
            {
                order.Remove(node);
                order.AddFirst(node);
                return node.Value.Constraint;
            }
        }
        TokenConstraint made;
        try
        {
            GrammarBuilder builder = new(limits);
            made = new TokenConstraint(new Automaton(builder.Build(build(builder)), limits.AutomatonStates), trie.Value);
            if (made.Automaton.Start < 0)
            {
                throw new GrammarException("the constraint allows no text");
            }
        }
        catch (GrammarException e)
        {
            throw e.IsLimit
                ? ApiException.Bad(field, "limit_exceeded", e.Message)
                : ApiException.Bad(e.Pointer ?? field, "unsupported_schema", e.Message);
        }
        lock (gate)
        {
            if (!kept.ContainsKey(key))
            {
                kept[key] = order.AddFirst((key, made));
                if (order.Count > MostKept)
                {
                    kept.Remove(order.Last!.Value.Key);
                    order.RemoveLast();
                }
            }
        }
        return made;
    }

    private static (string Field, string Kind, JsonElement Value)? Format(in Fields body)
    {
        if (body.Object("response_format") is not { } format)
        {
            return null;
        }
        string type = format.RequiredText("type");
        switch (type)
        {
            case "text":
                return null;
            case "json_object":
                return ("response_format", "json_object", default);
            case "json_schema":
                Fields schema = format.Object("json_schema") ?? throw format.Absent("json_schema", "an object with name and schema");
                string name = schema.RequiredText("name");
                if (name.Length is 0 or > 64 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'))
                {
                    throw ApiException.Value("response_format.json_schema.name", "the name has 1 to 64 letters, digits, '_' and '-'");
                }
                _ = schema.Flag("strict");
                _ = schema.Text("description");
                return schema.TryGet("schema", out JsonElement value) ? ("response_format.json_schema.schema", "json", value) : ("response_format", "json_object", default);
            default:
                throw ApiException.Value("response_format.type", $"response_format.type is '{Short(type)}'; expected text, json_object or json_schema");
        }
    }

    private static (string Field, string Kind, JsonElement Value)? Structured(in Fields body)
    {
        List<(string Field, string Kind, JsonElement Value)> found = [];
        if (body.Object("structured_outputs") is { } outputs)
        {
            outputs.Refuse("send json, regex, choice or grammar", "structural_tag");
            foreach (string kind in (string[])["json", "regex", "choice", "grammar", "json_object"])
            {
                if (outputs.TryGet(kind, out JsonElement value) && !(kind == "json_object" && value.ValueKind == JsonValueKind.False))
                {
                    found.Add(($"structured_outputs.{kind}", kind, value));
                }
            }
            if (found.Count != 1)
            {
                throw ApiException.Value("structured_outputs", $"structured_outputs has {found.Count} constraints; expected exactly one of json, regex, choice, grammar, json_object");
            }
        }
        foreach (string kind in (string[])["json", "regex", "choice", "grammar"])
        {
            if (body.TryGet("guided_" + kind, out JsonElement value))
            {
                found.Add(("guided_" + kind, kind, value));
            }
        }
        return found.Count > 1 ? throw ApiException.Value(found[1].Field, $"{found[0].Field} and {found[1].Field} do not go together") : found.Count == 1 ? found[0] : null;
    }

    private TokenConstraint Make(string tenant, string field, string kind, JsonElement value)
    {
        switch (kind)
        {
            case "json_object":
                return Of(tenant, field, "json_object", builder => new JsonGrammar(builder).Object);
            case "json":
                JsonElement schema = value.ValueKind == JsonValueKind.String ? Parse(field, value.GetString()!) : value;
                return Of(tenant, field, "json:" + schema.GetRawText(), builder => SchemaGrammar.Compile(builder, new JsonGrammar(builder), schema));
            case "regex":
                string regex = Text(field, value);
                return Of(tenant, field, "regex:" + regex, builder => RegexGrammar.Compile(builder, regex));
            case "grammar":
                string grammar = Text(field, value);
                return Of(tenant, field, "grammar:" + grammar, builder => BnfGrammar.Compile(builder, grammar));
            default:
                string[] choices = Choices(field, value);
                return Of(tenant, field, "choice:" + string.Concat(choices.Select(c => $"{c.Length}:{c}")), builder => builder.Choice(choices.Select(GrammarBuilder.Text)));
        }
    }

    private string[] Choices(string field, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array)
        {
            throw Fields.Wrong(field, value, "an array of strings");
        }
        string[] choices = [.. value.EnumerateArray().Select((c, i) => c.ValueKind == JsonValueKind.String ? c.GetString()! : throw Fields.Wrong($"{field}[{i}]", c, "a string"))];
        if (choices.Length == 0 || choices.Contains(""))
        {
            throw ApiException.Value(field, "choice needs at least one text, and none may be empty");
        }
        if (choices.Length > limits.GrammarChoices)
        {
            throw ApiException.Limit(field, choices.Length, limits.GrammarChoices, "choice has too many entries");
        }
        int bytes = choices.Sum(System.Text.Encoding.UTF8.GetByteCount);
        return bytes <= limits.GrammarBytes ? choices : throw ApiException.Limit(field, bytes, limits.GrammarBytes, "choice is too long (bytes)");
    }

    private string Text(string field, JsonElement value)
    {
        string text = value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Fields.Wrong(field, value, "a string");
        int bytes = System.Text.Encoding.UTF8.GetByteCount(text);
        return bytes == 0 ? throw ApiException.Value(field, $"{field} is empty")
            : bytes <= limits.GrammarBytes ? text
            : throw ApiException.Limit(field, bytes, limits.GrammarBytes, $"{field} is too long (bytes)");
    }

    private JsonElement Parse(string field, string text)
    {
        try
        {
            using JsonDocument document = Models.Files.SafeJson.Parse(System.Text.Encoding.UTF8.GetBytes(text), field, limits.JsonDepth);
            return document.RootElement.Clone();
        }
        catch (Models.Files.BadFileException e)
        {
            throw ApiException.Value(field, e.Message);
        }
    }

    private static string Short(string text) => text.Length <= 60 ? text : text[..60] + "...";
}
