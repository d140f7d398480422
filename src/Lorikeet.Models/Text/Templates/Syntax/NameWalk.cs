namespace Lorikeet.Models.Text.Templates;

/// <summary>Questions about names in a tree.</summary>
internal static class NameWalk
{
    /// <summary>Which of some names are read before they are set; nested macros and loops count, blocks do not.</summary>
    public static IReadOnlySet<string> Reads(IEnumerable<Node> nodes, params ReadOnlySpan<string> names)
    {
        HashSet<string> open = [.. names], found = [];
        foreach (Node node in nodes)
        {
            Visit(node, open, found);
        }
        return found;
    }

    /// <summary>Whether a block that sees the variables around it lies in these.</summary>
    public static bool HasScopedBlock(IEnumerable<Node> nodes) =>
        nodes.Any(node => node is BlockNode { Scoped: true } || HasScopedBlock(node.Parts.Select(p => p.Node)));

    /// <summary>Refuses filters and tests that do not exist, except in branches, and blocks that are defined twice.</summary>
    public static Dictionary<string, BlockNode> Check(IEnumerable<Statement> template)
    {
        Dictionary<string, BlockNode> blocks = [];
        foreach (Statement statement in template)
        {
            Check(statement, false, blocks);
        }
        return blocks;
    }

    /// <summary>Where a name is set in these, nested macros too; loops inside were asked already. Null: nowhere.</summary>
    public static Node? Sets(IEnumerable<Node> nodes, string name)
    {
        foreach (Node node in nodes)
        {
            if (node is NameNode { Stored: true } found && found.Name == name)
            {
                return node;
            }
            // What with names are parameters, and those of inner loops were looked at.
            IEnumerable<Node> parts = node is ForNode ? [] : node.Parts.Where(p => node is not WithNode || p.Node is not (NameNode or TupleNode)).Select(p => p.Node);
            if (Sets(parts, name) is { } inside)
            {
                return inside;
            }
        }
        return null;
    }

    private static void Check(Node node, bool branch, Dictionary<string, BlockNode> blocks)
    {
        if (!branch && node is FilterNode filter && FilterTable.Find(filter.Name) is null)
        {
            throw Raise.Syntax($"No filter named {StringText.Represent(filter.Name)}.", node.Line);
        }
        if (!branch && node is TestNode test && TestTable.Find(test.Name) is null)
        {
            throw Raise.Syntax($"No test named {StringText.Represent(test.Name)}.", node.Line);
        }
        if (node is BlockNode block && !blocks.TryAdd(block.Name, block))
        {
            throw Raise.Syntax($"block '{block.Name}' defined twice", node.Line);
        }
        foreach ((Node part, Place place) in node.Parts)
        {
            Check(part, place == Place.Branch || (place == Place.Same && branch), blocks);
        }
    }

    private static void Visit(Node node, HashSet<string> open, HashSet<string> found)
    {
        if (node is BlockNode)
        {
            return;
        }
        if (node is NameNode name)
        {
            if (!name.Stored && open.Contains(name.Name))
            {
                found.Add(name.Name);
            }
            else if (name.Stored)
            {
                open.Remove(name.Name);
            }
        }
        foreach ((Node part, _) in node.Parts)
        {
            Visit(part, open, found);
        }
    }
}
