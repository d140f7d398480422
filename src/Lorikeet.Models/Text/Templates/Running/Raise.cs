namespace Lorikeet.Models.Text.Templates;

/// <summary>Makes the exceptions of running templates; the line is added where they pass the interpreter.</summary>
internal static class Raise
{
    public static TemplateException Runtime(string reason) => new(TemplateErrorKind.Runtime, reason);

    public static TemplateException Undefined(string reason) => new(TemplateErrorKind.Undefined, reason);

    public static TemplateException Security(string reason) => new(TemplateErrorKind.Security, reason);

    public static TemplateException Limit(string reason) => new(TemplateErrorKind.Limit, reason);

    public static TemplateException Syntax(string reason, int line) => new(TemplateErrorKind.Syntax, reason, line);

    public static TemplateException NotIterable(Value value) => Runtime($"'{value.TypeName}' object is not iterable");

    public static TemplateException Operands(string sign, Value left, Value right) =>
        Runtime($"unsupported operand type(s) for {sign}: '{left.TypeName}' and '{right.TypeName}'");
}
