namespace Lorikeet.Models.Text.PostProcessors;

/// <summary>Several post-processors, one after the other.</summary>
internal sealed class SequencePostProcessor(PostProcessor[] parts) : PostProcessor
{
    public override void Apply(List<List<TokenRow>> encodings, bool addSpecialTokens)
    {
        foreach (PostProcessor part in parts)
        {
            part.Apply(encodings, addSpecialTokens);
        }
    }
}
