namespace Lorikeet.Models.Text.PostProcessors;

/// <summary>Finishes encodings: offsets, and the template's tokens around them.</summary>
internal abstract class PostProcessor
{
    // One line a kind.
    private static readonly Dictionary<string, Func<JsonPart, PostProcessor>> Kinds = new()
    {
        ["ByteLevel"] = part => new ByteLevelPostProcessor(part.Flag("add_prefix_space", true), part.Flag("trim_offsets", true)),
        ["TemplateProcessing"] = TemplatePostProcessor.ReadTemplate,
        ["BertProcessing"] = TemplatePostProcessor.ReadBert,
        ["RobertaProcessing"] = RobertaPostProcessor.ReadRoberta,
        ["Sequence"] = part => new SequencePostProcessor([.. part.Items("processors").Select(Read)]),
    };

    /// <summary>Changes one encoding, or the two of a pair; what is left is joined in the end.</summary>
    public abstract void Apply(List<TokenList> encodings, bool addSpecialTokens);

    /// <summary>How many tokens it puts in, which truncation leaves room for.</summary>
    public abstract int Added(bool pair);

    public static PostProcessor Read(JsonPart part) =>
        Kinds.TryGetValue(part.Kind, out Func<JsonPart, PostProcessor>? make)
            ? make(part)
            : throw part.Unsupported($"has the type '{part.Kind}', which is not supported; supported are {string.Join(", ", Kinds.Keys)}.");
}
