using System.Text;
using System.Text.Json;
using Lorikeet.Models.Text;

namespace Lorikeet.Models.Tests.Text;

/// <summary>
/// Every normalizer, pre-tokenizer and decoder by itself, with what Hugging Face's <c>tokenizers</c> 0.23.2 makes of some texts; beside a model that knows no word,
/// so that its tokens are the words as they are.
/// </summary>
public sealed class PartsTests
{
    private static readonly string[] Words =
    [
        "<unk>", "<pad>", "|", "▁", "▁hello", "he", "##llo", "lo</w>", "</w>", ".", ",", "'", "n't", "do", "not", "a", "aa", "aaa", "▁a", "<0x41>", "<0xC3>", "<0xA9>",
        "<0xFF>", "<0x+5>", "Ġthe", "Ã", "©", "é", " ", "'s", "##s", "!", "b",
    ];

    public static TheoryData<int> Parts => [.. Enumerable.Range(0, Read().Length)];

    [Theory]
    [MemberData(nameof(Parts))]
    public void A_part_equals_the_reference(int number)
    {
        JsonElement part = Read()[number];
        if (part.TryGetProperty("decoder", out JsonElement decoder))
        {
            Decoder(decoder.GetRawText(), part.GetProperty("rows"));
            return;
        }
        string normalizer = part.TryGetProperty("normalizer", out JsonElement found) ? found.GetRawText() : "null";
        string preTokenizer = part.TryGetProperty("pre_tokenizer", out found) ? found.GetRawText() : """{"type":"FixedLength","length":1}""";
        Tokenizer tokenizer = Make($$"""
            {"normalizer": {{normalizer}}, "pre_tokenizer": {{preTokenizer}}, "model": {"type": "Unigram", "vocab": [["<unk>", 0]], "unk_id": 0} }
            """);
        foreach (JsonElement row in part.GetProperty("rows").EnumerateArray())
        {
            string text = row[0].GetString()!;
            EncodedText encoded = tokenizer.EncodeFull(text);
            if (row[1].ValueKind == JsonValueKind.Array)
            {
                Assert.Equal(row[1].EnumerateArray().Select(t => t.GetString()), encoded.Tokens);
            }
            else
            {
                Assert.Equal(row[1].GetString(), string.Concat(encoded.Tokens));
            }
            Assert.Equal(row[2].GetString(), string.Join(' ', encoded.Offsets.Select(o => $"{o.Start}-{o.End}")));
            Assert.Equal(encoded.Ids, tokenizer.Encode(text));
        }
    }

    private static void Decoder(string decoder, JsonElement rows)
    {
        string vocabulary = string.Join(", ", Words.Select((w, i) => $"{JsonSerializer.Serialize(w)}: {i}"));
        Tokenizer tokenizer = Make($$"""{"decoder": {{decoder}}, "model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": { {{vocabulary}} } } }""");
        foreach (JsonElement row in rows.EnumerateArray())
        {
            int[] ids = [.. row[0].EnumerateArray().Select(i => i.GetInt32())];
            Assert.Equal(row[1].GetString(), tokenizer.Decode(ids));
        }
    }

    private static Tokenizer Make(string json) => Tokenizer.Parse(Encoding.UTF8.GetBytes(json), "the part");

    private static JsonElement[] Read()
    {
        using Stream stream = typeof(PartsTests).Assembly.GetManifestResourceStream("parts.json")!;
        return JsonSerializer.Deserialize<JsonElement[]>(stream)!;
    }
}
