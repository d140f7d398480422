using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text.PostProcessors;

/// <summary>Puts tokens before, between and after the texts, as a template says.</summary>
internal sealed class TemplatePostProcessor(TemplatePostProcessor.Piece[] single, TemplatePostProcessor.Piece[] pair) : PostProcessor
{
    // A template may name a text again and again, and a token may stand for many.
    private const int MostPieces = 256;
    private const int MostTokens = 1024;

    public static TemplatePostProcessor ReadTemplate(JsonPart part)
    {
        Dictionary<string, (int Id, string Token)[]> specials = [];
        if (part.TryGet("special_tokens", out JsonPart list))
        {
            foreach (JsonProperty entry in list.AsObject().Element.EnumerateObject())
            {
                specials.Add(entry.Name, ReadSpecial(list.Get(entry.Name)));
            }
        }
        return new TemplatePostProcessor(ReadPieces(part, "single", specials, texts: 1), ReadPieces(part, "pair", specials, texts: 2));
    }

    /// <summary>BERT's: <c>[CLS] A [SEP]</c>, a pair <c>[CLS] A [SEP] B [SEP]</c> with types 0 and 1.</summary>
    public static TemplatePostProcessor ReadBert(JsonPart part)
    {
        (int Id, string Token)[] cls = [ReadToken(part.Get("cls"))];
        (int Id, string Token)[] sep = [ReadToken(part.Get("sep"))];
        Piece[] start = [new(cls), new(0, 0), new(sep)];
        return new TemplatePostProcessor(start, [.. start, new(1, 1), new(sep, 1)]);
    }

    /// <summary>A token and its id as <c>["[SEP]", 102]</c>.</summary>
    public static (int Id, string Token) ReadToken(JsonPart part)
    {
        JsonElement pair = part.Element;
        return pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() == 2 && pair[0].ValueKind == JsonValueKind.String
            && pair[1].ValueKind == JsonValueKind.Number && pair[1].TryGetInt32(out int id) && id >= 0
            ? (id, pair[0].GetString()!)
            : throw part.Bad($"is {BadFileException.Short(pair.GetRawText())}; expected a token and its id, [\"[SEP]\", 102].");
    }

    public override void Apply(List<TokenList> encodings, bool addSpecialTokens)
    {
        bool full = encodings.Count > 0 && encodings[0].Details is not null;
        List<TokenList> result = [];
        foreach (Piece piece in encodings.Count == 1 ? single : pair)
        {
            if (piece.Special is null && piece.Text < encodings.Count)
            {
                TokenList text = new(full);
                text.AddRange(encodings[piece.Text]);
                text.SetType(piece.TypeId);
                result.Add(text);
            }
            else if (piece.Special is { } special && addSpecialTokens)
            {
                TokenList tokens = new(full);
                foreach ((int id, string token) in special)
                {
                    tokens.Add(id, new TokenDetail { Text = token, TypeId = piece.TypeId, Sequence = -1, Inserted = true });
                }
                result.Add(tokens);
            }
        }
        encodings.Clear();
        encodings.AddRange(result);
    }

    public override int Added(bool pairs) => (pairs ? pair : single).Sum(p => p.Special?.Length ?? 0);

    private static (int Id, string Token)[] ReadSpecial(JsonPart part)
    {
        int[] ids = [.. part.Items("ids").Select(i => i.AsId())];
        string[] tokens = [.. part.Items("tokens").Select(t => t.Element.ValueKind == JsonValueKind.String ? t.Element.GetString()! : throw t.Bad("is no string."))];
        if (ids.Length != tokens.Length)
        {
            throw part.Bad($"has {ids.Length} ids and {tokens.Length} tokens; expected as many of both.");
        }
        return ids.Length <= MostTokens ? [.. ids.Zip(tokens)] : throw part.Bad($"stands for {ids.Length} tokens; at most {MostTokens} are put in.");
    }

    private static Piece[] ReadPieces(JsonPart part, string name, Dictionary<string, (int Id, string Token)[]> specials, int texts)
    {
        int count = part.Get(name).Element.ValueKind == JsonValueKind.Array ? part.Get(name).Element.GetArrayLength() : 0;
        return count <= MostPieces
            ? [.. part.Items(name).Select(p => ReadPiece(p, specials, texts))]
            : throw part.Bad($"has {count} steps in {name}; at most {MostPieces} are taken.");
    }

    private static Piece ReadPiece(JsonPart part, Dictionary<string, (int Id, string Token)[]> specials, int texts)
    {
        bool special = part.TryGet("SpecialToken", out JsonPart body);
        body = special ? body : part.Get("Sequence");
        string id = body.Text("id") ?? throw body.Bad("has no id.");
        int type = body.TryGet("type_id", out JsonPart typePart) ? typePart.AsId() : 0;
        if (special)
        {
            return specials.TryGetValue(id, out (int Id, string Token)[]? tokens)
                ? new Piece(tokens, type)
                : throw body.Bad($"names the token '{id}', which special_tokens lacks.");
        }
        return id is "A" || (id is "B" && texts == 2)
            ? new Piece(id is "A" ? 0 : 1, type)
            : throw body.Bad($"names the text '{id}'; expected A{(texts == 2 ? " or B" : "")}.");
    }

    /// <summary>One step of a template: some tokens, or a text.</summary>
    internal sealed record Piece((int Id, string Token)[]? Special, int Text, int TypeId)
    {
        public Piece((int Id, string Token)[] special, int typeId = 0)
            : this(special, 0, typeId)
        {
        }

        public Piece(int text, int typeId)
            : this(null, text, typeId)
        {
        }
    }
}
