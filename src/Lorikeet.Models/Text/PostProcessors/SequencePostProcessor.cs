namespace Lorikeet.Models.Text.PostProcessors;

/// <summary>Several post-processors, one after the other.</summary>
internal sealed class SequencePostProcessor(PostProcessor[] parts) : PostProcessor
{
    public override void Apply(List<TokenList> encodings, bool addSpecialTokens)
    {
        foreach (PostProcessor part in parts)
        {
            part.Apply(encodings, addSpecialTokens);
        }
    }

    public override int Added(bool pair) => parts.Sum(p => p.Added(pair));
}
