namespace Lorikeet.Models.Text.Templates;

/// <summary>One run of a template.</summary>
internal sealed class Interpreter
{
    private readonly ParsedTemplate template;
    private readonly string name;
    private readonly Globals globals;
    private readonly TextBuilder rendered;
    private readonly List<(int Start, int End)> generations = [];

    public Interpreter(ParsedTemplate template, string name, Globals globals, TemplateLimits limits, CancellationToken stop)
    {
        this.template = template;
        this.name = name;
        this.globals = globals;
        Budget = new Budget(limits, stop);
        Output = rendered = new TextBuilder(Budget);
    }

    public Budget Budget { get; }

    /// <summary>The template's own variables.</summary>
    public Scope Root { get; } = new(null);

    /// <summary>Where text goes: the result, or what a block catches.</summary>
    public TextBuilder Output { get; private set; }

    /// <summary>Whether values are escaped when they are printed.</summary>
    public bool Autoescape { get; set; }

    public IReadOnlyDictionary<string, BlockNode> Blocks => template.Blocks;

    /// <summary>The places of <c>generation</c> blocks in the result, in code points.</summary>
    public IReadOnlyList<(int Start, int End)> Generations => generations;

    /// <summary>Runs the whole template.</summary>
    public string Run()
    {
        Budget? before = Budget.Begin();
        try
        {
            Execute(template.Body, Root);
            return rendered.ToString();
        }
        finally
        {
            Templates.Budget.End(before);
        }
    }

    public Value? Global(string variable) => globals.Find(variable);

    public Value Evaluate(Expression expression, Scope scope)
    {
        Budget.Step();
        StackGuard.Check();
        try
        {
            return expression.Evaluate(this, scope);
        }
        catch (TemplateException e) when (e.Line == 0)
        {
            throw e.At(expression.Line, name);
        }
    }

    public Value[] EvaluateAll(IReadOnlyList<Expression> expressions, Scope scope)
    {
        if (expressions.Count == 0)
        {
            return [];
        }
        Budget.Make(expressions.Count);
        Value[] values = new Value[expressions.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Evaluate(expressions[i], scope);
        }
        return values;
    }

    public Flow Execute(IReadOnlyList<Statement> statements, Scope scope)
    {
        foreach (Statement statement in statements)
        {
            Flow flow = Execute(statement, scope);
            if (flow != Flow.Next)
            {
                return flow;
            }
        }
        return Flow.Next;
    }

    /// <summary>Runs statements and catches their text.</summary>
    public (Flow Flow, StringValue Text) Capture(IReadOnlyList<Statement> body, Scope scope)
    {
        Flow flow = Flow.Next;
        StringValue text = Capture(() => flow = Execute(body, scope));
        return (flow, text);
    }

    /// <summary>Does something and catches the text it writes.</summary>
    public StringValue Capture(Action action)
    {
        TextBuilder around = Output;
        Output = new TextBuilder(Budget);
        try
        {
            action();
            return new StringValue(Output.ToString(), Autoescape);
        }
        finally
        {
            Output = around;
        }
    }

    /// <summary>Prints a value to the output.</summary>
    public void Write(Value value)
    {
        if (Autoescape)
        {
            Output.Append(Markup.Escape(this, value));
        }
        else
        {
            value.Print(Output);
        }
    }

    /// <summary>What <c>str</c> gives.</summary>
    public string Print(Value value)
    {
        if (value is StringValue text)
        {
            return text.Text;
        }
        TextBuilder to = new(Budget);
        value.Print(to);
        return to.ToString();
    }

    /// <summary>What <c>repr</c> gives.</summary>
    public string Represent(Value value)
    {
        TextBuilder to = new(Budget);
        value.Represent(to);
        return to.ToString();
    }

    /// <summary>The items of a value, each counted as a step.</summary>
    /// <exception cref="TemplateException">It has no items.</exception>
    public IEnumerable<Value> Enumerate(Value value)
    {
        IEnumerator<Value> items = value.Iterate(this) ?? throw Raise.NotIterable(value);
        return Walk();

        bool Next()
        {
            // Iterators over iterators go as deep as a template has put them over each other.
            StackGuard.Check();
            return items.MoveNext();
        }

        IEnumerable<Value> Walk()
        {
            while (Next())
            {
                Budget.Step();
                yield return items.Current;
            }
        }
    }

    /// <summary>The items of a value as a list, which is counted.</summary>
    public List<Value> List(Value value)
    {
        List<Value> list = [];
        foreach (Value item in Enumerate(value))
        {
            Budget.Make(1);
            if (list.Count >= Budget.ValueSize)
            {
                Budget.Make(list.Count + 1L);
            }
            list.Add(item);
        }
        return list;
    }

    /// <summary><c>value.name</c>: the attribute, else the item of that name, else undefined.</summary>
    public Value GetAttribute(Value value, string attribute) =>
        value.Attribute(this, attribute) ?? value.Item(this, new StringValue(attribute)) ?? UndefinedValue.Member(this, value, new StringValue(attribute));

    /// <summary><c>value[key]</c>: the item, else the attribute of that name, else undefined.</summary>
    public Value GetItem(Value value, Value key)
    {
        Budget.Work(key.Length ?? 0);
        return value.Item(this, key)
            ?? (key is StringValue attribute ? value.Attribute(this, attribute.Text) : null)
            ?? UndefinedValue.Member(this, value, key);
    }

    public Value Call(Value function, Arguments arguments) => function.Call(this, arguments);

    /// <summary>Notes a text that the assistant says and that is about to be written.</summary>
    public void NoteGeneration(string text)
    {
        int start = rendered.CodePoints();
        generations.Add((start, start + CodePoints.Count(text)));
    }

    private Flow Execute(Statement statement, Scope scope)
    {
        Budget.Step();
        StackGuard.Check();
        try
        {
            return statement.Execute(this, scope);
        }
        catch (TemplateException e) when (e.Line == 0)
        {
            throw e.At(statement.Line, name);
        }
    }
}
