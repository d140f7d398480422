namespace Lorikeet.Models.Text.Decoders;

/// <summary>Turns tokens back into text. It makes streams only: a whole text is a stream that is closed at once.</summary>
internal abstract class Decoder
{
    // One line a kind.
    private static readonly Dictionary<string, Func<JsonPart, Decoder>> Kinds = new()
    {
        ["ByteLevel"] = _ => new ByteLevelDecoder(),
        ["WordPiece"] = part => new WordPieceDecoder(part.Text("prefix") ?? "##", part.Flag("cleanup", true)),
        ["Metaspace"] = part => new MetaspaceDecoder(Metaspace.Read(part)),
        ["BPEDecoder"] = part => new BpeSuffixDecoder(part.Text("suffix") ?? "</w>"),
        ["CTC"] = part => new CtcDecoder(part.Text("pad_token") ?? "<pad>", part.Text("word_delimiter_token") ?? "|", part.Flag("cleanup", true)),
        ["ByteFallback"] = _ => new ByteFallbackDecoder(),
        ["Fuse"] = _ => new FuseDecoder(),
        ["Strip"] = part => new StripDecoder(part.Character("content"), part.Integer("start", 0, 0, int.MaxValue), part.Integer("stop", 0, 0, int.MaxValue)),
        ["Replace"] = part => new ReplaceDecoder(PreTokenizers.WordPattern.Read(part.Get("pattern")), part.String("content")),
        ["Sequence"] = part => new SequenceDecoder([.. part.Items("decoders").Select(Read)]),
    };

    /// <summary>Starts a decoding.</summary>
    /// <param name="next">Takes what becomes certain.</param>
    public abstract DecoderStage Start(DecoderStage next);

    public static Decoder Read(JsonPart part) =>
        Kinds.TryGetValue(part.Kind, out Func<JsonPart, Decoder>? make)
            ? make(part)
            : throw part.Unsupported($"has the type '{part.Kind}', which is not supported; supported are {string.Join(", ", Kinds.Keys)}.");
}
