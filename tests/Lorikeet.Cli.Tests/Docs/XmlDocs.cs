using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Lorikeet.Cli.Tests.Docs;

/// <summary>What the compiler wrote of an assembly's comments, found by member and rendered as a line of markdown.</summary>
internal sealed class XmlDocs
{
    private readonly Dictionary<string, XElement> members;

    public XmlDocs(Assembly assembly)
    {
        string path = Path.ChangeExtension(assembly.Location, ".xml");
        Assert.True(File.Exists(path), $"{path} is missing: build the whole solution first");
        members = XElement.Load(path).Element("members")!.Elements("member").ToDictionary(m => m.Attribute("name")!.Value);
    }

    /// <summary>The summary of a type or member; null: its comment is inherited, or it has none.</summary>
    public string? Summary(MemberInfo member)
    {
        string id = Id(member);
        if (members.TryGetValue(id, out XElement? found) && found.Element("summary") is { } summary)
        {
            string value = found.Element("value") is { } text ? $" Default: {Line(text)}" : "";
            return Line(summary) + value;
        }
        // What a record declares in its head is told there.
        return member is PropertyInfo && members.TryGetValue(Id(member.DeclaringType!), out XElement? type)
            && type.Elements("param").FirstOrDefault(p => p.Attribute("name")?.Value == member.Name) is { } parameter ? Line(parameter) : null;
    }

    /// <summary>The remarks of a type; null: none.</summary>
    public string? Remarks(Type type) => members.GetValueOrDefault(Id(type))?.Element("remarks") is { } remarks ? Line(remarks) : null;

    /// <summary>The name that the compiler gives a type or member in such files.</summary>
    public static string Id(MemberInfo member) => member switch
    {
        Type type => "T:" + Full(type),
        FieldInfo field => $"F:{Full(field.DeclaringType!)}.{field.Name}",
        EventInfo e => $"E:{Full(e.DeclaringType!)}.{e.Name}",
        PropertyInfo property => $"P:{Full(property.DeclaringType!)}.{property.Name}{Of(property.GetIndexParameters())}",
        ConstructorInfo constructor => $"M:{Full(constructor.DeclaringType!)}.#ctor{Of(constructor.GetParameters())}",
        MethodInfo method => $"M:{Full(method.DeclaringType!)}.{method.Name}{(method.IsGenericMethod ? "``" + method.GetGenericArguments().Length : "")}{Of(method.GetParameters())}"
            + (method.Name is "op_Implicit" or "op_Explicit" ? "~" + Argument(method.ReturnType) : ""),
        _ => throw new ArgumentException($"{member} has no name in XML comments", nameof(member)),
    };

    private static string Of(ParameterInfo[] parameters) => parameters.Length == 0 ? "" : $"({string.Join(',', parameters.Select(p => Argument(p.ParameterType)))})";

    private static string Full(Type type) => (type.IsGenericType ? type.GetGenericTypeDefinition() : type).FullName!.Replace('+', '.');

    private static string Argument(Type type) =>
        type.IsByRef ? Argument(type.GetElementType()!) + "@"
        : type.IsPointer ? Argument(type.GetElementType()!) + "*"
        : type.IsArray ? Argument(type.GetElementType()!) + (type.GetArrayRank() == 1 ? "[]" : $"[{string.Join(',', Enumerable.Repeat("0:", type.GetArrayRank()))}]")
        : type.IsGenericParameter ? (type.DeclaringMethod is null ? "`" : "``") + type.GenericParameterPosition
        : type.IsGenericType ? $"{Regex.Replace(Full(type), "`[0-9]+", "")}{{{string.Join(',', type.GetGenericArguments().Select(Argument))}}}"
        : Full(type);

    private static string Line(XElement element)
    {
        StringBuilder text = new();
        Append(text, element.Nodes());
        return Regex.Replace(text.ToString(), @"\s+", " ").Trim();
    }

    private static void Append(StringBuilder text, IEnumerable<XNode> nodes)
    {
        foreach (XNode node in nodes)
        {
            switch (node)
            {
                case XText plain:
                    text.Append(Escape(plain.Value));
                    break;
                case XElement { Name.LocalName: "see" or "seealso" } see:
                    text.Append('`').Append(see.Attribute("langword")?.Value ?? Short(see.Attribute("cref")?.Value ?? see.Value)).Append('`');
                    break;
                case XElement { Name.LocalName: "paramref" or "typeparamref" } name:
                    text.Append('`').Append(name.Attribute("name")!.Value).Append('`');
                    break;
                case XElement { Name.LocalName: "c" or "code" } code:
                    text.Append('`').Append(code.Value.Replace("|", "\\|", StringComparison.Ordinal)).Append('`');
                    break;
                case XElement other:
                    text.Append(' ');
                    Append(text, other.Nodes());
                    text.Append(' ');
                    break;
            }
        }
    }

    private static string Escape(string text) => text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("|", "\\|", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal).Replace("*", "\\*", StringComparison.Ordinal).Replace("](", "] (", StringComparison.Ordinal);

    // M:Lorikeet.Adapters.AdapterMethods.Add(System.String) becomes AdapterMethods.Add.
    private static string Short(string cref)
    {
        string name = Regex.Replace(cref[(cref.IndexOf(':', StringComparison.Ordinal) + 1)..], @"\(.*|`+[0-9]+", "");
        string[] parts = name.Split('.');
        return cref.StartsWith("T:", StringComparison.Ordinal) || parts.Length < 2 ? parts[^1] : parts[^1] == "#ctor" ? parts[^2] : $"{parts[^2]}.{parts[^1]}";
    }
}
