using System.Text.Json;

namespace Lorikeet.Models.Text;

/// <summary>Where Metaspace puts its stand-in before a text.</summary>
internal enum PrependScheme
{
    /// <summary>Before each piece.</summary>
    Always,

    /// <summary>At the very start only.</summary>
    First,

    /// <summary>Nowhere.</summary>
    Never,
}

/// <summary>The settings that Metaspace has as a pre-tokenizer and as a decoder.</summary>
/// <param name="Replacement">What stands for a space: one character, ▁.</param>
/// <param name="Scheme">Where one is inserted.</param>
/// <param name="Split">Whether each starts a word.</param>
internal sealed record Metaspace(string Replacement, PrependScheme Scheme, bool Split)
{
    /// <summary>Reads the settings in their new form (<c>prepend_scheme</c>) or their old one (<c>add_prefix_space</c>, <c>str_rep</c>).</summary>
    public static Metaspace Read(JsonPart part)
    {
        PrependScheme scheme = part.Text("prepend_scheme") switch
        {
            null or "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            string other => throw part.Bad($"has the prepend_scheme '{other}'; expected always, first or never."),
        };
        if (part.TryGet("add_prefix_space", out JsonPart old) && old.Element.ValueKind == JsonValueKind.False)
        {
            scheme = part.Text("prepend_scheme") is null or "never"
                ? PrependScheme.Never
                : throw part.Bad("has add_prefix_space false and another prepend_scheme; expected never.");
        }
        return new Metaspace(part.Character("replacement"), scheme, part.Flag("split", true));
    }
}
