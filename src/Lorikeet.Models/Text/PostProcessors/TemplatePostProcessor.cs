using System.Runtime.InteropServices;

namespace Lorikeet.Models.Text.PostProcessors;

/// <summary>Puts tokens before, between and after the texts, as a template says.</summary>
internal sealed class TemplatePostProcessor : PostProcessor
{
    private readonly Piece[] single;
    private readonly Piece[] pair;

    private TemplatePostProcessor(Piece[] single, Piece[] pair)
    {
        this.single = single;
        this.pair = pair;
    }

    public static TemplatePostProcessor ReadTemplate(JsonPart part)
    {
        Dictionary<string, (int Id, string Token)[]> specials = [];
        if (part.TryGet("special_tokens", out JsonPart list))
        {
            foreach (System.Text.Json.JsonProperty entry in list.AsObject().Element.EnumerateObject())
            {
                specials.Add(entry.Name, ReadSpecial(list.Get(entry.Name)));
            }
        }
        return new TemplatePostProcessor(
            [.. part.Items("single").Select(p => ReadPiece(p, specials, texts: 1))],
            [.. part.Items("pair").Select(p => ReadPiece(p, specials, texts: 2))]);
    }

    public override void Apply(List<List<TokenRow>> encodings, bool addSpecialTokens)
    {
        List<TokenRow> result = [];
        foreach (Piece piece in encodings.Count == 1 ? single : pair)
        {
            if (piece.Special is { } special)
            {
                foreach ((int id, string token) in addSpecialTokens ? special : [])
                {
                    result.Add(new TokenRow { Id = id, Text = token, TypeId = piece.TypeId, Sequence = -1 });
                }
                continue;
            }
            foreach (TokenRow row in CollectionsMarshal.AsSpan(encodings[piece.Text]))
            {
                result.Add(row with { TypeId = piece.TypeId });
            }
        }
        encodings.Clear();
        encodings.Add(result);
    }

    private static (int Id, string Token)[] ReadSpecial(JsonPart part)
    {
        int[] ids = [.. part.Items("ids").Select(i => i.AsId())];
        string[] tokens = [.. part.Items("tokens").Select(t => t.Element.ValueKind == System.Text.Json.JsonValueKind.String
            ? t.Element.GetString()!
            : throw t.Bad("is no string."))];
        return ids.Length == tokens.Length
            ? [.. ids.Zip(tokens)]
            : throw part.Bad($"has {ids.Length} ids and {tokens.Length} tokens; expected as many of both.");
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
                ? new Piece(tokens, 0, type)
                : throw body.Bad($"names the token '{id}', which special_tokens lacks.");
        }
        return id is "A" || (id is "B" && texts == 2)
            ? new Piece(null, id is "A" ? 0 : 1, type)
            : throw body.Bad($"names the text '{id}'; expected A{(texts == 2 ? " or B" : "")}.");
    }

    private sealed record Piece((int Id, string Token)[]? Special, int Text, int TypeId);
}
