using System.Runtime.InteropServices;
using System.Text.Json;
using Lorikeet.Models.Text.Decoders;
using Lorikeet.Models.Text.Normalizers;
using Lorikeet.Models.Text.PostProcessors;
using Lorikeet.Models.Text.PreTokenizers;

namespace Lorikeet.Models.Text;

/// <summary>A tokenizer of tokenizer.json: added tokens are cut out, the rest is normalised, cut into words, turned into tokens, finished.</summary>
public abstract class PipelineTokenizer : Tokenizer
{
    private readonly TokenizerFile file;
    private readonly TokenModel model;
    private readonly Normalizer? normalizer;
    private readonly PreTokenizer? preTokenizer;
    private readonly PostProcessor? postProcessor;
    private readonly Decoder decoder;
    private readonly Dictionary<int, AddedToken> addedById = [];
    private readonly Dictionary<string, int> addedByContent = [];
    private readonly Dictionary<int, string> addedDecoded = [];
    private readonly AddedTokenMatcher? rawMatcher;
    private readonly AddedTokenMatcher? normalizedMatcher;

    private protected PipelineTokenizer(TokenizerFile file, JsonPart root, TokenModel model)
    {
        this.file = file;
        this.model = model;
        normalizer = root.TryGet("normalizer", out JsonPart part) ? Normalizer.Read(part) : null;
        preTokenizer = root.TryGet("pre_tokenizer", out part) ? PreTokenizer.Read(part) : null;
        postProcessor = root.TryGet("post_processor", out part) ? PostProcessor.Read(part) : null;
        decoder = root.TryGet("decoder", out part) ? Decoder.Read(part) : new SpacedDecoder();
        if (root.TryGet("added_tokens", out part) && part.Element.ValueKind != JsonValueKind.Null)
        {
            foreach (JsonPart item in root.Items("added_tokens"))
            {
                Add(AddedToken.Read(item));
            }
        }
        rawMatcher = Matcher(normalized: false);
        normalizedMatcher = Matcher(normalized: true);
        VocabularySize = Math.Max(model.Size, addedById.Count == 0 ? 0 : addedById.Keys.Max() + 1);
        Dictionary<string, string> roles = file.ReadRoles();
        BosId = RoleId(roles, "bos_token");
        EosId = RoleId(roles, "eos_token");
        PadId = RoleId(roles, "pad_token");
    }

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <summary>The tokens that are cut out of a text before the model sees it.</summary>
    public IReadOnlyCollection<AddedToken> AddedTokens => addedById.Values;

    /// <inheritdoc/>
    public override int[] Encode(string text, bool addSpecialTokens = true)
    {
        List<TokenRow> rows = Finish([Rows(text, 0, full: false)], addSpecialTokens);
        int[] ids = new int[rows.Count];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = rows[i].Id;
        }
        return ids;
    }

    /// <inheritdoc/>
    public override EncodedText EncodeFull(string text, string? pair = null, bool addSpecialTokens = true)
    {
        List<List<TokenRow>> encodings = [Rows(text, 0, full: true)];
        if (pair is not null)
        {
            encodings.Add(Rows(pair, 1, full: true));
        }
        return new EncodedText(Finish(encodings, addSpecialTokens));
    }

    /// <inheritdoc/>
    public override TextStream Stream(bool skipSpecialTokens = true) => new IdStream(this, skipSpecialTokens);

    /// <inheritdoc/>
    public override int? TokenId(string token) => addedByContent.TryGetValue(token, out int id) ? id : model.IdOf(token);

    /// <inheritdoc/>
    public override string TokenText(int id) =>
        addedById.TryGetValue(id, out AddedToken? added)
            ? added.Content
            : model.TokenOf(id) ?? throw new ArgumentOutOfRangeException(nameof(id), id, $"the vocabulary has no such id; its ids are below {VocabularySize}");

    /// <inheritdoc/>
    public override bool IsSpecial(int id) => addedById.TryGetValue(id, out AddedToken? added) && added.Special;

    private protected override IReadOnlyList<(string Name, ReadOnlyMemory<byte> Bytes)> SavedFiles() => file.Files;

    private void Add(AddedToken token)
    {
        // The reference, too, takes the model's id for a token that the model knows.
        token = token with { Id = model.IdOf(token.Content) ?? token.Id };
        if (token.Content.Length == 0 || !addedByContent.TryAdd(token.Content, token.Id))
        {
            return;
        }
        addedById[token.Id] = token;
        addedDecoded[token.Id] = token.Normalized ? Normalized(token.Content) : token.Content;
    }

    private AddedTokenMatcher? Matcher(bool normalized)
    {
        (string, AddedToken)[] tokens = [.. addedById.Values.Where(t => t.Normalized == normalized).Select(t => (addedDecoded[t.Id], t))];
        return tokens.Length == 0 ? null : new AddedTokenMatcher(tokens);
    }

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

    private List<TokenRow> Rows(string text, int sequence, bool full)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = WellFormed(text);
        RowWriter writer = new(sequence, full);
        int codePoint = 0;
        foreach ((AddedToken? token, int start, int end) in Cut(rawMatcher, text))
        {
            TextPiece piece = new(text.AsSpan(start, end - start), codePoint, full);
            if (token is not null)
            {
                writer.Add(token, piece, 0, end - start);
            }
            else
            {
                AddPiece(piece, writer);
            }
            codePoint += full ? CodePoints(text.AsSpan(start, end - start)) : end - start;
        }
        return writer.Rows;
    }

    private void AddPiece(TextPiece piece, RowWriter writer)
    {
        normalizer?.Apply(piece);
        foreach ((AddedToken? token, int start, int end) in Cut(normalizedMatcher, piece.Text))
        {
            if (token is not null)
            {
                writer.Add(token, piece, start, end);
                continue;
            }
            TextPiece part = start == 0 && end == piece.Text.Length ? piece : piece.Slice(start, end);
            preTokenizer?.Apply(part);
            foreach ((int wordStart, int wordEnd) in CollectionsMarshal.AsSpan(part.Words))
            {
                writer.Tokens.Clear();
                model.Tokenize(part.Text[wordStart..wordEnd], writer.Tokens);
                writer.AddTokens(model, part, wordStart);
            }
        }
    }

    private List<TokenRow> Finish(List<List<TokenRow>> encodings, bool addSpecialTokens)
    {
        postProcessor?.Apply(encodings, addSpecialTokens);
        return encodings.Count == 1 ? encodings[0] : [.. encodings.SelectMany(e => e)];
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

    private sealed class RowWriter(int sequence, bool full)
    {
        public List<TokenRow> Rows { get; } = [];

        public List<(int Id, int Start, int End)> Tokens { get; } = [];

        public void Add(AddedToken token, TextPiece piece, int start, int end)
        {
            (int from, int to) = piece.Origin(start, end);
            Rows.Add(Row(token.Id, from, to, full ? piece.Text[start..end].ToString() : null));
        }

        public void AddTokens(TokenModel model, TextPiece piece, int wordStart)
        {
            foreach ((int id, int start, int end) in CollectionsMarshal.AsSpan(Tokens))
            {
                (int from, int to) = piece.Origin(wordStart + start, wordStart + end);
                Rows.Add(Row(id, from, to, full ? model.TokenOf(id) : null));
            }
        }

        private TokenRow Row(int id, int from, int to, string? text) =>
            new() { Id = id, From = from, To = to, Text = text, TypeId = sequence, Sequence = sequence };
    }

    private sealed class IdStream(PipelineTokenizer owner, bool skipSpecialTokens) : TextStream
    {
        private readonly DecoderStream stream = owner.decoder.Start();

        public override string Push(int id)
        {
            if (owner.addedById.TryGetValue(id, out AddedToken? added))
            {
                return added.Special && skipSpecialTokens ? "" : stream.Push(owner.addedDecoded[id]);
            }
            return owner.model.TokenOf(id) is { } token ? stream.Push(token) : "";
        }

        public override string Close() => stream.Close();
    }
}
