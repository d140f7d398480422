namespace Lorikeet.Models.Text;

/// <summary>A token that is cut out of the text before the model sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text, as tokenizer.json writes it.</param>
/// <param name="SingleWord">Whether it is left alone inside a word.</param>
/// <param name="LeftStrip">Whether it swallows the white space before it.</param>
/// <param name="RightStrip">Whether it swallows the white space behind it.</param>
/// <param name="Normalized">Whether it is looked for in the normalised text, itself normalised.</param>
/// <param name="Special">Whether decoding may skip it.</param>
public sealed record AddedToken(int Id, string Content, bool SingleWord, bool LeftStrip, bool RightStrip, bool Normalized, bool Special)
{
    internal static AddedToken Read(JsonPart part)
    {
        const int MostLength = 4096;
        string content = part.Text("content") ?? throw part.Bad("has no content.");
        if (content.Length > MostLength)
        {
            throw part.Bad($"has a content of {content.Length} characters; at most {MostLength} are looked for.");
        }
        return new AddedToken(part.Get("id").AsId(), content, part.Flag("single_word", false), part.Flag("lstrip", false), part.Flag("rstrip", false),
            part.Flag("normalized", true), part.Flag("special", false));
    }
}
