namespace Lorikeet.Models.Text.Normalizers;

/// <summary>Changes a piece of text before it is cut into words.</summary>
internal abstract class Normalizer
{
    // One line a kind.
    private static readonly Dictionary<string, Func<JsonPart, Normalizer>> Kinds = new()
    {
        ["NFC"] = _ => new UnicodeNormalizer(compatible: false, compose: true),
        ["NFD"] = _ => new UnicodeNormalizer(compatible: false, compose: false),
        ["NFKC"] = _ => new UnicodeNormalizer(compatible: true, compose: true),
        ["NFKD"] = _ => new UnicodeNormalizer(compatible: true, compose: false),
        ["Lowercase"] = _ => new LowercaseNormalizer(),
        ["Strip"] = part => new StripNormalizer(part.Flag("strip_left", true), part.Flag("strip_right", true)),
        ["StripAccents"] = _ => new StripAccentsNormalizer(),
        ["Replace"] = part => new ReplaceNormalizer(PreTokenizers.WordPattern.Read(part.Get("pattern")), part.String("content")),
        ["Prepend"] = part => new PrependNormalizer(part.String("prepend")),
        ["BertNormalizer"] = BertNormalizer.ReadBert,
        ["Nmt"] = _ => new NmtNormalizer(),
        ["Precompiled"] = PrecompiledNormalizer.ReadPrecompiled,
        ["ByteLevel"] = _ => new ByteLevelNormalizer(),
        ["Sequence"] = part => new SequenceNormalizer([.. part.Items("normalizers").Select(Read)]),
    };

    public abstract void Apply(TextPiece piece);

    public static Normalizer Read(JsonPart part) =>
        Kinds.TryGetValue(part.Kind, out Func<JsonPart, Normalizer>? make)
            ? make(part)
            : throw part.Unsupported($"has the type '{part.Kind}', which is not supported; supported are {string.Join(", ", Kinds.Keys)}.");
}
