namespace Lorikeet.Models.Text.Normalizers;

/// <summary>Changes a piece of text before it is cut into words.</summary>
internal abstract class Normalizer
{
    // One line a kind.
    private static readonly Dictionary<string, Func<JsonPart, Normalizer>> Kinds = new()
    {
        ["NFC"] = _ => new NfcNormalizer(),
        ["Sequence"] = part => new SequenceNormalizer([.. part.Items("normalizers").Select(Read)]),
    };

    public abstract void Apply(TextPiece piece);

    public static Normalizer Read(JsonPart part) =>
        Kinds.TryGetValue(part.Kind, out Func<JsonPart, Normalizer>? make)
            ? make(part)
            : throw part.Unsupported($"has the type '{part.Kind}', which is not supported; supported are {string.Join(", ", Kinds.Keys)}.");
}
