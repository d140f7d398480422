using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Lorikeet.Cli.Tests.Docs;

/// <summary>One library's public types as a page of markdown.</summary>
internal static class ApiPage
{
    /// <summary>The page; what has no comment of its own is listed in <paramref name="bare"/>.</summary>
    public static string Write(Assembly assembly, List<string> bare)
    {
        XmlDocs docs = new(assembly);
        string name = assembly.GetName().Name!;
        StringBuilder page = new($"# {name}\n\n<!-- written by LORIKEET_UPDATE_API=1 ./test --filter PublicApi from the comments in the source -->\n\n");
        page.Append("Public types and their members; what overrides a member of a base is told there. [All libraries](README.md).\n");
        foreach (IGrouping<string, Type> space in assembly.GetExportedTypes().Where(t => !IsGenerated(t)).GroupBy(t => t.Namespace ?? "").OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            page.Append($"\n## {(space.Key == name ? "Types" : space.Key)}\n");
            foreach (Type type in space.OrderBy(CsNames.Name, StringComparer.Ordinal))
            {
                Append(page, type, docs, bare);
            }
        }
        return page.ToString();
    }

    private static void Append(StringBuilder page, Type type, XmlDocs docs, List<string> bare)
    {
        page.Append($"\n### {CsNames.Name(type).Replace("<", "&lt;", StringComparison.Ordinal)}\n`{CsNames.Declaration(type)}`\n\n{Text(type, docs, bare)}\n");
        if (docs.Remarks(type) is { } remarks)
        {
            page.Append($"\n{remarks}\n");
        }
        // An enumeration's in the order of its values, else constructors first and all others by name.
        IEnumerable<MemberInfo> found = type.IsEnum ? Members(type) : Members(type).OrderBy(m => m is not ConstructorInfo).ThenBy(m => m.Name, StringComparer.Ordinal).ThenBy(XmlDocs.Id, StringComparer.Ordinal);
        (string Declaration, string Text)[] members = [.. found.Select(m => (CsNames.Declaration(m), Text(m, docs, bare)))];
        if (members.Length > 0)
        {
            page.Append("\n| member | |\n| --- | --- |\n");
        }
        foreach ((string declaration, string text) in members)
        {
            page.Append($"| `{declaration.Replace("|", "\\|", StringComparison.Ordinal)}` | {text} |\n");
        }
    }

    private static IEnumerable<MemberInfo> Members(Type type)
    {
        if (typeof(Delegate).IsAssignableFrom(type))
        {
            return [];
        }
        const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        return type.GetMembers(all).Where(member => !IsGenerated(member) && member switch
        {
            FieldInfo f => (f.IsPublic || f.IsFamily) && f.Name != "value__",
            ConstructorInfo c => CsNames.Visible(c) && !c.IsStatic && !(c.GetParameters().Length == 0 && type.IsAbstract),
            PropertyInfo p => CsNames.Visible(p.GetMethod ?? p.SetMethod) && !IsOverride(p.GetMethod ?? p.SetMethod!),
            MethodInfo m => CsNames.Visible(m) && (!m.IsSpecialName || m.Name.StartsWith("op_", StringComparison.Ordinal)) && !IsOverride(m),
            EventInfo e => CsNames.Visible(e.AddMethod),
            _ => false,
        });
    }

    private static bool IsGenerated(MemberInfo member) => member.IsDefined(typeof(CompilerGeneratedAttribute), false) || member.Name.Contains('<', StringComparison.Ordinal);

    private static bool IsOverride(MethodInfo method) => method.GetBaseDefinition() != method;

    private static string Text(MemberInfo member, XmlDocs docs, List<string> bare)
    {
        if (docs.Summary(member) is { } own)
        {
            return own;
        }
        // A constructor that a record's head declares, and one that nobody wrote, have no comment; what an interface promises is told there.
        bool implied = member is ConstructorInfo || member.DeclaringType!.GetInterfaces().Any(i => i.GetMember(member.Name).Length > 0);
        if (!implied)
        {
            bare.Add(XmlDocs.Id(member));
        }
        return "";
    }
}
