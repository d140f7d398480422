using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Lorikeet.Cli.Tests.Docs;

/// <summary>Types and members as C# spells them.</summary>
internal static class CsNames
{
    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(bool)] = "bool",
        [typeof(byte)] = "byte",
        [typeof(sbyte)] = "sbyte",
        [typeof(short)] = "short",
        [typeof(ushort)] = "ushort",
        [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(float)] = "float",
        [typeof(double)] = "double",
        [typeof(decimal)] = "decimal",
        [typeof(char)] = "char",
        [typeof(string)] = "string",
        [typeof(object)] = "object",
        [typeof(nint)] = "nint",
        [typeof(nuint)] = "nuint",
    };

    /// <summary>A type's declaration without its bases.</summary>
    public static string Declaration(Type type)
    {
        string kind = type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? (type.IsByRefLike ? "ref struct" : "struct")
            : typeof(Delegate).IsAssignableFrom(type) ? "delegate" : type.GetMethod("<Clone>$") is not null ? "record" : "class";
        string modifiers = type is { IsAbstract: true, IsSealed: true } ? "static " : type.IsAbstract && !type.IsInterface ? "abstract "
            : type.IsSealed && !type.IsValueType && kind != "delegate" ? "sealed " : "";
        Type[] parents = [.. new[] { type.BaseType }.OfType<Type>().Concat(type.GetInterfaces()).Where(p => p.Assembly.GetName().Name!.StartsWith("Lorikeet", StringComparison.Ordinal) && p.IsPublic)];
        parents = [.. parents.Where(p => !parents.Any(q => q != p && p.IsAssignableFrom(q)))];
        return $"{modifiers}{kind} {Name(type)}{(parents.Length > 0 ? " : " + string.Join(", ", parents.Select(Name)) : "")}";
    }

    /// <summary>A type's name, without its namespace.</summary>
    public static string Name(Type type)
    {
        if (type.IsByRef || type.IsPointer)
        {
            return Name(type.GetElementType()!) + (type.IsPointer ? "*" : "");
        }
        if (type.IsArray)
        {
            return $"{Name(type.GetElementType()!)}[{new string(',', type.GetArrayRank() - 1)}]";
        }
        if (Keywords.TryGetValue(type, out string? keyword) || type.IsGenericParameter)
        {
            return keyword ?? type.Name;
        }
        if (Nullable.GetUnderlyingType(type) is { } value)
        {
            return Name(value) + "?";
        }
        if (type.IsGenericType && type.FullName?.StartsWith("System.ValueTuple`", StringComparison.Ordinal) == true)
        {
            return $"({string.Join(", ", type.GetGenericArguments().Select(Name))})";
        }
        string outer = type.IsNested ? Name(type.DeclaringType!) + "." : "";
        int tick = type.Name.IndexOf('`', StringComparison.Ordinal);
        return outer + (tick < 0 ? type.Name : $"{type.Name[..tick]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>");
    }

    /// <summary>A member's declaration.</summary>
    public static string Declaration(MemberInfo member)
    {
        // A context remembers what it saw and is slow to begin with; a page has thousands of members.
        NullabilityInfoContext nulls = new();
        return member switch
        {
            FieldInfo { DeclaringType.IsEnum: true } f => f.Name,
            FieldInfo { IsLiteral: true } f => $"const {Name(f.FieldType)} {f.Name} = {Value(f.GetRawConstantValue(), f.FieldType)}",
            FieldInfo f => $"{(f.IsStatic ? "static " : "")}{(f.IsInitOnly ? "readonly " : "")}{Name(f.FieldType)}{Mark(f.FieldType, nulls.Create(f).ReadState)} {f.Name}",
            ConstructorInfo c => $"new {Bare(c.DeclaringType!)}({Parameters(c.GetParameters(), nulls)})",
            PropertyInfo p => $"{Modifiers((p.GetMethod ?? p.SetMethod)!)}{Reference(p.PropertyType)}{Name(p.PropertyType)}{Mark(p.PropertyType, nulls.Create(p).ReadState)} "
                + $"{(p.GetIndexParameters() is { Length: > 0 } index ? $"this[{Parameters(index, nulls)}]" : p.Name)} {{{Accessors(p)} }}",
            MethodInfo m => $"{Modifiers(m)}{Reference(m.ReturnType)}{Name(m.ReturnType)}{Mark(m.ReturnType, nulls.Create(m.ReturnParameter).ReadState)} "
                + $"{Operator(m.Name)}{(m.IsGenericMethod ? $"<{string.Join(", ", m.GetGenericArguments().Select(Name))}>" : "")}({Parameters(m.GetParameters(), nulls)})",
            EventInfo e => $"event {Name(e.EventHandlerType!)} {e.Name}",
            _ => member.Name,
        };
    }

    /// <summary>Whether another assembly may use it.</summary>
    public static bool Visible(MethodBase? method) => method is not null && (method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly);

    private static string Bare(Type type) => Name(type) is var name && name.IndexOf('<', StringComparison.Ordinal) is > 0 and var at ? name[..at] : Name(type);

    private static string Accessors(PropertyInfo property)
    {
        string set = !Visible(property.SetMethod) ? ""
            : property.SetMethod!.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? " init;" : " set;";
        return (Visible(property.GetMethod) ? " get;" : "") + set;
    }

    private static string Modifiers(MethodInfo method) =>
        (method.IsPublic || method.DeclaringType!.IsInterface ? "" : "protected ")
        + (method.DeclaringType!.IsInterface ? (method.IsStatic ? "static " : "") : method.IsStatic ? "static " : method.IsAbstract ? "abstract " : method.IsVirtual && !method.IsFinal ? "virtual " : "");

    private static string Operator(string name) => name.StartsWith("op_", StringComparison.Ordinal) ? "operator " + name[3..] : name;

    private static string Reference(Type type) => type.IsByRef ? "ref " : "";

    private static string Mark(Type type, NullabilityState state) => !type.IsValueType && state == NullabilityState.Nullable ? "?" : "";

    private static string Parameters(ParameterInfo[] parameters, NullabilityInfoContext nulls) => string.Join(", ", parameters.Select((p, i) =>
        $"{(i == 0 && p.Member.IsDefined(typeof(ExtensionAttribute), false) ? "this " : "")}{(p.IsDefined(typeof(ParamArrayAttribute), false) ? "params " : "")}"
        + $"{(p.IsOut ? "out " : p.IsIn ? "in " : p.ParameterType.IsByRef ? "ref " : "")}{Name(p.ParameterType)}{Mark(p.ParameterType, nulls.Create(p).WriteState)} {p.Name}"
        + (p.HasDefaultValue ? " = " + Value(p.DefaultValue, p.ParameterType) : "")));

    private static string Value(object? value, Type type) => value switch
    {
        null => type.IsValueType && Nullable.GetUnderlyingType(type) is null ? "default" : "null",
        string text => $"\"{text}\"",
        char letter => $"'{letter}'",
        bool flag => flag ? "true" : "false",
        _ when type.IsEnum => $"{type.Name}.{Enum.ToObject(type, value)}",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };
}
