namespace Lorikeet.Models.Text.Templates;

/// <summary>A template that was read.</summary>
/// <param name="Body">Its statements.</param>
/// <param name="Blocks">Its blocks by name.</param>
/// <param name="Generates">Whether it marks what the assistant says.</param>
internal sealed record ParsedTemplate(IReadOnlyList<Statement> Body, IReadOnlyDictionary<string, BlockNode> Blocks, bool Generates);
