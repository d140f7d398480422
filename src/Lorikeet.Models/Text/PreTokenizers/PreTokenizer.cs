using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>Cuts a piece of text into words; tokens never cross their borders.</summary>
internal abstract class PreTokenizer
{
    // One line a kind.
    private static readonly Dictionary<string, Func<JsonPart, PreTokenizer>> Kinds = new()
    {
        ["ByteLevel"] = part => new ByteLevelPreTokenizer(part.Flag("add_prefix_space", true), part.Flag("use_regex", true)),
        ["Metaspace"] = part => new MetaspacePreTokenizer(Metaspace.Read(part)),
        ["Split"] = SplitPreTokenizer.ReadSplit,
        ["Digits"] = part => new SplitPreTokenizer(
            new CharacterPattern(CharacterClass.IsDigit), part.Flag("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
        ["Punctuation"] = part => new SplitPreTokenizer(new CharacterPattern(CharacterClass.IsPunctuation), SplitPreTokenizer.ReadBehavior(part, SplitBehavior.Isolated)),
        ["Whitespace"] = _ => new SplitPreTokenizer(WordRunPattern.Instance, SplitBehavior.Removed, invert: true),
        ["WhitespaceSplit"] = _ => new SplitPreTokenizer(new CharacterPattern(CharacterClass.IsSpace), SplitBehavior.Removed),
        ["BertPreTokenizer"] = _ => new SequencePreTokenizer(
        [
            new SplitPreTokenizer(new CharacterPattern(CharacterClass.IsSpace), SplitBehavior.Removed),
            new SplitPreTokenizer(new CharacterPattern(CharacterClass.IsPunctuation), SplitBehavior.Isolated),
        ]),
        ["CharDelimiterSplit"] = part => new SplitPreTokenizer(new LiteralPattern(part.Character("delimiter")), SplitBehavior.Removed),
        ["UnicodeScripts"] = _ => new UnicodeScriptsPreTokenizer(),
        ["FixedLength"] = part => new FixedLengthPreTokenizer(part.Integer("length", 5, 1, 1 << 20)),
        ["Sequence"] = part => new SequencePreTokenizer([.. part.Items("pretokenizers").Select(Read)]),
    };

    public abstract void Apply(TextPiece piece);

    public static PreTokenizer Read(JsonPart part) =>
        Kinds.TryGetValue(part.Kind, out Func<JsonPart, PreTokenizer>? make)
            ? make(part)
            : throw part.Unsupported($"has the type '{part.Kind}', which is not supported; supported are {string.Join(", ", Kinds.Keys)}.");
}
