namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>Cuts a piece of text into words; tokens never cross their borders.</summary>
internal abstract class PreTokenizer
{
    // One line a kind.
    private static readonly Dictionary<string, Func<JsonPart, PreTokenizer>> Kinds = new()
    {
        ["ByteLevel"] = part => new ByteLevelPreTokenizer(part.Flag("add_prefix_space", true), part.Flag("use_regex", true)),
        ["Split"] = SplitPreTokenizer.ReadSplit,
        ["Digits"] = part => new DigitsPreTokenizer(part.Flag("individual_digits", false)),
        ["Sequence"] = part => new SequencePreTokenizer([.. part.Items("pretokenizers").Select(Read)]),
    };

    public abstract void Apply(TextPiece piece);

    public static PreTokenizer Read(JsonPart part) =>
        Kinds.TryGetValue(part.Kind, out Func<JsonPart, PreTokenizer>? make)
            ? make(part)
            : throw part.Unsupported($"has the type '{part.Kind}', which is not supported; supported are {string.Join(", ", Kinds.Keys)}.");
}
