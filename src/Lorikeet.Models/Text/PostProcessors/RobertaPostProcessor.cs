namespace Lorikeet.Models.Text.PostProcessors;

/// <summary>RoBERTa's: trims offsets, then <c>&lt;s&gt; A &lt;/s&gt;</c>, a pair <c>&lt;s&gt; A &lt;/s&gt; &lt;/s&gt; B &lt;/s&gt;</c>; all types are 0.</summary>
internal sealed class RobertaPostProcessor(ByteLevelPostProcessor trim, TemplatePostProcessor template) : PostProcessor
{
    public static RobertaPostProcessor ReadRoberta(JsonPart part)
    {
        (int Id, string Token)[] cls = [TemplatePostProcessor.ReadToken(part.Get("cls"))];
        (int Id, string Token)[] sep = [TemplatePostProcessor.ReadToken(part.Get("sep"))];
        return new RobertaPostProcessor(
            new ByteLevelPostProcessor(part.Flag("add_prefix_space", true), part.Flag("trim_offsets", true)),
            new TemplatePostProcessor(
                [new(cls), new(0, 0), new(sep)],
                [new(cls), new(0, 0), new(sep), new(sep), new(1, 0), new(sep)]));
    }

    public override void Apply(List<TokenList> encodings, bool addSpecialTokens)
    {
        trim.Apply(encodings, addSpecialTokens);
        template.Apply(encodings, addSpecialTokens);
    }

    public override int Added(bool pair) => template.Added(pair);
}
