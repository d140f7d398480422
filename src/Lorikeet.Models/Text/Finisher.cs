using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text.PostProcessors;

namespace Lorikeet.Models.Text;

/// <summary>The last steps of encoding: truncation, the post-processor, padding, as tokenizer.json sets them.</summary>
internal sealed class Finisher
{
    private readonly PostProcessor? postProcessor;
    private readonly Truncation? truncation;
    private readonly Padding? padding;

    private Finisher(JsonPart root)
    {
        postProcessor = root.TryGet("post_processor", out JsonPart part) ? PostProcessor.Read(part) : null;
        truncation = root.TryGet("truncation", out part) ? Truncation.Read(part, postProcessor?.Added(pair: false) ?? 0) : null;
        padding = root.TryGet("padding", out part) ? Padding.Read(part) : null;
    }

    /// <summary>Whether <see cref="TokenList.Words"/> are needed.</summary>
    public bool CountsWords => truncation is not null;

    public static Finisher Read(JsonPart root) => new(root);

    /// <summary>Makes one encoding of one text or of the two of a pair.</summary>
    public TokenList Finish(List<TokenList> encodings, bool addSpecialTokens, bool full)
    {
        bool pair = encodings.Count == 2;
        truncation?.Apply(encodings, addSpecialTokens ? postProcessor?.Added(pair) ?? 0 : 0);
        postProcessor?.Apply(encodings, addSpecialTokens);
        TokenList result = encodings.Count > 0 ? encodings[0] : new TokenList(full);
        foreach (TokenList next in encodings.Skip(1))
        {
            result.AddRange(next);
        }
        padding?.Apply(result, postProcessor is null && !pair ? 0 : -1);
        return result;
    }

    private sealed record Truncation(int MostTokens, string Strategy, bool Left)
    {
        public static Truncation Read(JsonPart part, int added)
        {
            int most = part.Integer("max_length", 512, 0, int.MaxValue);
            int stride = part.Integer("stride", 0, 0, int.MaxValue);
            if (most - added < stride)
            {
                throw part.Bad($"has max_length {most}, {added} tokens of the post-processor and stride {stride}; expected a stride below what is left.");
            }
            string strategy = part.Text("strategy") ?? "LongestFirst";
            return strategy is "LongestFirst" or "OnlyFirst" or "OnlySecond"
                ? new Truncation(most, strategy, part.Text("direction") == "Left")
                : throw part.Bad($"has the strategy '{strategy}'; expected LongestFirst, OnlyFirst or OnlySecond.");
        }

        public void Apply(List<TokenList> texts, int added)
        {
            for (int i = Strategy == "OnlySecond" ? 1 : 0; i < texts.Count; i++)
            {
                texts[i].KeepWords(MostTokens, Left);
            }
            int most = Math.Max(0, MostTokens - added);
            int total = texts.Sum(t => t.Ids.Count);
            if (most == 0)
            {
                texts.ForEach(t => t.Keep(0, Left));
            }
            if (total <= most || most == 0)
            {
                return;
            }
            if (Strategy == "LongestFirst")
            {
                if (texts.Count == 1)
                {
                    texts[0].Keep(most, Left);
                    return;
                }
                (int first, int second) = Share(texts[0].Ids.Count, texts[1].Ids.Count, most);
                texts[0].Keep(first, Left);
                texts[1].Keep(second, Left);
                return;
            }
            int target = Strategy == "OnlyFirst" ? 0 : 1;
            if (target >= texts.Count || texts[target].Ids.Count <= total - most)
            {
                throw new BadFileException($"the tokenizer truncates to {most} tokens by {Strategy}, which cannot be done with texts of {string.Join(" and ", texts.Select(t => t.Ids.Count))} tokens.");
            }
            texts[target].Keep(texts[target].Ids.Count - (total - most), Left);
        }

        // The shorter one stays whole where it leaves the longer at least as much; else both get half, the longer the odd one.
        private static (int First, int Second) Share(int first, int second, int most)
        {
            int shorter = Math.Min(first, second);
            int longer = shorter > most ? shorter : Math.Max(shorter, most - shorter);
            if (shorter + (long)longer > most)
            {
                shorter = most / 2;
                longer = shorter + most % 2;
            }
            return first > second ? (longer, shorter) : (shorter, longer);
        }
    }

    private sealed record Padding(int? Fixed, int MultipleOf, bool Left, int Id, int TypeId, string Token)
    {
        private const int MostTokens = 1 << 20;

        public static Padding Read(JsonPart part)
        {
            int? length = null;
            JsonPart strategy = part.Get("strategy");
            if (strategy.Element.ValueKind == JsonValueKind.Object)
            {
                length = strategy.Integer("Fixed", -1, 0, MostTokens);
            }
            else if (part.Text("strategy") != "BatchLongest")
            {
                throw part.Bad($"has the strategy '{part.Text("strategy")}'; expected BatchLongest or {{\"Fixed\": n}}.");
            }
            return new Padding(
                length, part.Integer("pad_to_multiple_of", 0, 0, MostTokens), part.Text("direction") == "Left", part.Integer("pad_id", 0, 0, int.MaxValue),
                part.Integer("pad_type_id", 0, 0, int.MaxValue), part.Text("pad_token") ?? "[PAD]");
        }

        public void Apply(TokenList tokens, int sequence)
        {
            int length = Fixed is >= 0 and { } fixedLength ? fixedLength : tokens.Ids.Count;
            if (MultipleOf > 0 && length % MultipleOf > 0)
            {
                length += MultipleOf - length % MultipleOf;
            }
            if (length > tokens.Ids.Count)
            {
                tokens.Pad(length - tokens.Ids.Count, Id, new TokenDetail { Text = Token, TypeId = TypeId, Sequence = sequence, Inserted = true, Padding = true }, Left);
            }
        }
    }
}
