using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text.Json;
using Lorikeet.Models.Text.Decoders;
using Lorikeet.Models.Text.Normalizers;
using Lorikeet.Models.Text.PostProcessors;
using Lorikeet.Models.Text.PreTokenizers;

namespace Lorikeet.Models.Text;

/// <summary>A tokenizer of tokenizer.json: added tokens are cut out, the rest is normalised, cut into words, turned into tokens, finished.</summary>
public class PipelineTokenizer : Tokenizer
{
    private readonly TokenizerFile file;
    private readonly TokenModel model;
    private readonly Normalizer? normalizer;
    private readonly PreTokenizer? preTokenizer;
    private readonly Finisher finisher;
    private readonly Decoder decoder;
    private readonly AddedTokenSet added;
    private readonly ConcurrentBag<EncodingScratch> scratches = [];

    internal PipelineTokenizer(TokenizerFile file, JsonPart root, string kind, TokenModel model)
    {
        Kind = kind;
        this.file = file;
        this.model = model;
        normalizer = root.TryGet("normalizer", out JsonPart part) ? Normalizer.Read(part) : null;
        preTokenizer = root.TryGet("pre_tokenizer", out part) ? PreTokenizer.Read(part) : null;
        decoder = root.TryGet("decoder", out part) ? Decoder.Read(part) : new SpacedDecoder();
        finisher = Finisher.Read(root);
        List<AddedToken> tokens = [];
        if (root.TryGet("added_tokens", out part) && part.Element.ValueKind != JsonValueKind.Null)
        {
            tokens.AddRange(root.Items("added_tokens").Select(AddedToken.Read));
        }
        added = new AddedTokenSet(tokens, model, Normalized);
        VocabularySize = Math.Max(model.Size, added.Size);
        Dictionary<string, string> roles = file.ReadRoles();
        BosId = RoleId(roles, "bos_token");
        EosId = RoleId(roles, "eos_token");
        PadId = RoleId(roles, "pad_token");
    }

    /// <summary>The kind of model as tokenizer.json names it: BPE, Unigram, WordPiece or WordLevel.</summary>
    public string Kind { get; }

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <summary>The tokens that are cut out of a text before the model sees it.</summary>
    public IReadOnlyCollection<AddedToken> AddedTokens => added.All;

    /// <inheritdoc/>
    public override int[] Encode(string text, bool addSpecialTokens = true) => [.. Finished(text, null, addSpecialTokens, full: false).Ids];

    /// <inheritdoc/>
    public override EncodedText EncodeFull(string text, string? pair = null, bool addSpecialTokens = true) =>
        new(Finished(text, pair, addSpecialTokens, full: true));

    /// <inheritdoc/>
    public override TextStream Stream(bool skipSpecialTokens = true) => new IdStream(this, skipSpecialTokens);

    /// <inheritdoc/>
    public override int? TokenId(string token) => added.IdOf(token) ?? model.IdOf(token);

    /// <inheritdoc/>
    public override string TokenText(int id) =>
        added.Get(id)?.Content ?? model.TokenOf(id)
        ?? throw new ArgumentOutOfRangeException(nameof(id), id, $"the vocabulary has no such id; its ids are below {VocabularySize}");

    /// <inheritdoc/>
    public override bool IsSpecial(int id) => added.IsSkipped(id);

    private protected override IReadOnlyList<(string Name, ReadOnlyMemory<byte> Bytes)> SavedFiles() => file.Files;

    private string Normalized(string text)
    {
        if (normalizer is null)
        {
            return text;
        }
        TextPiece piece = new(WellFormed(text), 0, tracked: false);
        normalizer.Apply(piece);
        return piece.Text.ToString();
    }

    private int? RoleId(Dictionary<string, string> roles, string role) => roles.TryGetValue(role, out string? token) ? TokenId(token) : null;

    private TokenList Finished(string text, string? pair, bool addSpecialTokens, bool full)
    {
        EncodingScratch scratch = scratches.TryTake(out EncodingScratch? known) ? known : new EncodingScratch();
        List<TokenList> encodings = [Tokens(text, 0, full, scratch)];
        if (pair is not null)
        {
            encodings.Add(Tokens(pair, 1, full, scratch));
        }
        // What a huge text needed is not kept; nor is what an exception left behind, which never comes here.
        if (scratch.IsSmall)
        {
            scratches.Add(scratch);
        }
        return finisher.Finish(encodings, addSpecialTokens, full);
    }

    private TokenList Tokens(string text, int sequence, bool full, EncodingScratch scratch)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = WellFormed(text);
        TokenList output = new(full) { Words = finisher.CountsWords ? [] : null };
        int unit = 0, codePoint = 0;
        foreach ((AddedToken? token, int start, int end) in Cut(added.Raw, text))
        {
            // A token that swallowed white space may reach into the next.
            if (full)
            {
                codePoint += start >= unit ? CodePoints(text.AsSpan(unit, start - unit)) : -CodePoints(text.AsSpan(start, unit - start));
            }
            unit = start;
            scratch.Piece.Reset(text.AsSpan(start, end - start), full ? codePoint : start, full, mayDefer: !full);
            if (token is not null)
            {
                AddToken(token, scratch.Piece, 0, end - start, sequence, output);
            }
            else
            {
                AddPiece(scratch, sequence, output);
            }
        }
        return output;
    }

    private void AddPiece(EncodingScratch scratch, int sequence, TokenList output)
    {
        TextPiece piece = scratch.Piece;
        normalizer?.Apply(piece);
        if (added.Normalized is null)
        {
            AddText(piece, scratch, sequence, output);
            return;
        }
        foreach ((AddedToken? token, int start, int end) in added.Normalized.Split(piece.Text))
        {
            if (token is not null)
            {
                AddToken(token, piece, start, end, sequence, output);
            }
            else if (start == 0 && end == piece.Text.Length)
            {
                AddText(piece, scratch, sequence, output);
            }
            else
            {
                scratch.Part.Reset(piece, start, end);
                AddText(scratch.Part, scratch, sequence, output);
            }
        }
    }

    private void AddText(TextPiece piece, EncodingScratch scratch, int sequence, TokenList output)
    {
        preTokenizer?.Apply(piece);
        if (output.Details is null)
        {
            scratch.Words.Encode(piece, model, output);
            return;
        }
        foreach ((int wordStart, int wordEnd) in CollectionsMarshal.AsSpan(piece.Words))
        {
            WordTokens tokens = scratch.Words.Tokens;
            tokens.Clear();
            model.Tokenize(piece.Text[wordStart..wordEnd], tokens);
            foreach ((int id, int start, int end) in tokens.Items)
            {
                (int from, int to) = piece.Origin(wordStart + start, wordStart + end);
                string shown = model.Shown(id, piece.Text[(wordStart + start)..(wordStart + end)]);
                output.Add(id, new TokenDetail { From = from, To = to, Text = shown, TypeId = sequence, Sequence = sequence });
            }
            output.Words?.Add((output.Ids.Count, false));
        }
    }

    private static void AddToken(AddedToken token, TextPiece piece, int start, int end, int sequence, TokenList output)
    {
        if (output.Details is null)
        {
            output.Ids.Add(token.Id);
        }
        else
        {
            (int from, int to) = piece.Origin(start, end);
            output.Add(token.Id, new TokenDetail { From = from, To = to, Text = piece.Text[start..end].ToString(), TypeId = sequence, Sequence = sequence });
        }
        output.Words?.Add((output.Ids.Count, true));
    }

    private static List<(AddedToken? Token, int Start, int End)> Cut(AddedTokenMatcher? matcher, ReadOnlySpan<char> text) =>
        matcher is not null ? matcher.Split(text) : text.Length == 0 ? [] : [(null, 0, text.Length)];

    private static int CodePoints(ReadOnlySpan<char> text)
    {
        int count = text.Length;
        foreach (char c in text)
        {
            count -= char.IsLowSurrogate(c) ? 1 : 0;
        }
        return count;
    }

    // Half a surrogate pair is no character; what follows may rely on whole ones.
    internal static string WellFormed(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
        {
            return text;
        }
        return string.Create(text.Length, text, static (to, from) =>
        {
            for (int i = 0; i < to.Length; i++)
            {
                bool pair = i + 1 < to.Length && char.IsSurrogatePair(from[i], from[i + 1]);
                to[i] = pair || !char.IsSurrogate(from[i]) ? from[i] : '\uFFFD';
                if (pair)
                {
                    to[++i] = from[i];
                }
            }
        });
    }

    private sealed class IdStream : TextStream
    {
        private readonly PipelineTokenizer owner;
        private readonly bool skipSpecialTokens;
        private readonly TextSink sink = new();
        private readonly DecoderStage stage;

        public IdStream(PipelineTokenizer owner, bool skipSpecialTokens)
        {
            this.owner = owner;
            this.skipSpecialTokens = skipSpecialTokens;
            stage = owner.decoder.Start(sink);
        }

        public override string Push(int id)
        {
            if ((skipSpecialTokens && owner.added.IsSkipped(id)) || (owner.added.Decoded(id) ?? owner.model.TokenOf(id)) is not { } token)
            {
                return "";
            }
            stage.Push(token, ends: true);
            return sink.Take();
        }

        public override string Close()
        {
            stage.Close();
            return sink.Take();
        }
    }
}
