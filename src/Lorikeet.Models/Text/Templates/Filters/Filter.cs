namespace Lorikeet.Models.Text.Templates;

/// <summary>What a filter does with a value and its bound arguments.</summary>
internal delegate Value FilterBody(Interpreter run, Value value, Bound arguments);

/// <summary>A filter. With a signature its arguments are bound; without, it takes them as they come.</summary>
internal sealed class Filter
{
    private readonly Signature? signature;
    private readonly FilterBody? body;
    private readonly Func<Interpreter, Value, Arguments, Value>? free;

    public Filter(FilterBody body, int required = 0, params string[] names)
    {
        this.body = body;
        signature = new Signature("filter", required, names);
    }

    private Filter(Func<Interpreter, Value, Arguments, Value> body) => free = body;

    /// <summary>A filter that takes its arguments as they come.</summary>
    public static Filter Free(Func<Interpreter, Value, Arguments, Value> body) => new(body);

    public Value Apply(Interpreter run, Value value, Arguments arguments) =>
        free is not null ? free(run, value, arguments) : body!(run, value, signature!.Bind(arguments));
}
