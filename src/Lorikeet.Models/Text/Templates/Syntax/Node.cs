namespace Lorikeet.Models.Text.Templates;

/// <summary>How a part of the tree stands to the scope around it.</summary>
internal enum Place
{
    /// <summary>In the same scope.</summary>
    Same,

    /// <summary>In a branch: names of filters in it are looked up when it runs.</summary>
    Branch,

    /// <summary>In a scope of its own.</summary>
    Inner,
}

/// <summary>A part of a template's tree.</summary>
internal abstract class Node(int line)
{
    private const int MostHeight = 300;

    public int Line => line;

    /// <summary>Nodes below this, at the longest.</summary>
    public int Height { get; private set; }

    /// <summary>The parts, in the order of the source.</summary>
    public abstract IEnumerable<(Node Node, Place Place)> Parts { get; }

    /// <summary>Measures the tree; running it goes as deep.</summary>
    /// <exception cref="TemplateException">It is too high.</exception>
    public Node Measured()
    {
        foreach ((Node part, _) in Parts)
        {
            Height = Math.Max(Height, part.Height + 1);
        }
        return Height <= MostHeight ? this : throw Raise.Syntax($"more than {MostHeight} operations lie inside each other", line);
    }
}

/// <summary>A part with a value.</summary>
internal abstract class Expression(int line) : Node(line)
{
    /// <summary>The value; called through <see cref="Interpreter.Evaluate"/> only.</summary>
    public abstract Value Evaluate(Interpreter run, Scope scope);
}

/// <summary>A part that does something.</summary>
internal abstract class Statement(int line) : Node(line)
{
    /// <summary>Does it; called through <see cref="Interpreter.Execute(Statement, Scope)"/> only.</summary>
    public abstract Flow Execute(Interpreter run, Scope scope);
}

/// <summary>What comes after a statement.</summary>
internal enum Flow
{
    /// <summary>The next statement.</summary>
    Next,

    /// <summary>The end of the loop.</summary>
    Break,

    /// <summary>The loop's next item.</summary>
    Continue,
}
