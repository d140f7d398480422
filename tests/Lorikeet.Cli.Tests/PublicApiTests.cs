using System.Reflection;
using System.Text;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

/// <summary>The public surface of each library equals the committed text in eng/api; LORIKEET_UPDATE_API=1 writes it anew.</summary>
public class PublicApiTests
{
    public static TheoryData<string> Libraries => ["Kernels", "Tensors", "Models", "Adapters", "Training", "Mpi", "Serving", "Tasks", "Server"];

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Surface_is_the_committed_one(string library)
    {
        string actual = Describe(Assembly.Load("Lorikeet." + library));
        string path = Path.Combine(SharedFiles.Repository, "eng", "api", $"Lorikeet.{library}.txt");
        if (Environment.GetEnvironmentVariable("LORIKEET_UPDATE_API") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
        }
        string expected = File.Exists(path) ? File.ReadAllText(path) : "";
        string[] was = expected.Split('\n'), now = actual.Split('\n');
        string added = string.Join('\n', now.Except(was).Take(10)), removed = string.Join('\n', was.Except(now).Take(10));
        Assert.True(
            expected == actual,
            $"the public API of Lorikeet.{library} changed; if that is meant, run LORIKEET_UPDATE_API=1 ./test --filter PublicApi and commit eng/api\nnew:\n{added}\ngone:\n{removed}");
    }

    private static string Describe(Assembly assembly)
    {
        StringBuilder text = new();
        foreach (Type type in assembly.GetExportedTypes().OrderBy(t => t.FullName, StringComparer.Ordinal))
        {
            string kind = type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct" : typeof(Delegate).IsAssignableFrom(type) ? "delegate" : "class";
            string modifiers = type is { IsAbstract: true, IsSealed: true } ? "static " : type.IsAbstract && !type.IsInterface ? "abstract " : type.IsSealed && !type.IsValueType ? "sealed " : "";
            text.Append(modifiers).Append(kind).Append(' ').Append(Name(type)).Append('\n');
            const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
            List<string> members = [];
            foreach (MemberInfo member in type.GetMembers(all))
            {
                string? line = member switch
                {
                    FieldInfo f when (f.IsPublic || f.IsFamily) && f.Name != "value__" => $"{(f.IsStatic ? "static " : "")}{Name(f.FieldType)} {f.Name}",
                    ConstructorInfo c when c.IsPublic || c.IsFamily => $"new({Parameters(c)})",
                    PropertyInfo p when Visible(p.GetMethod ?? p.SetMethod!) => $"{Modifiers(p.GetMethod ?? p.SetMethod!)}{Name(p.PropertyType)} {p.Name} {{{(p.CanRead ? " get;" : "")}{(p.SetMethod is { } s && Visible(s) ? " set;" : "")} }}",
                    MethodInfo m when Visible(m) && !m.IsSpecialName && !m.Name.StartsWith('<') => $"{Modifiers(m)}{Name(m.ReturnType)} {m.Name}({Parameters(m)})",
                    MethodInfo m when Visible(m) && m.Name.StartsWith("op_", StringComparison.Ordinal) => $"static {Name(m.ReturnType)} {m.Name}({Parameters(m)})",
                    EventInfo e => $"event {Name(e.EventHandlerType!)} {e.Name}",
                    _ => null,
                };
                if (line is not null)
                {
                    members.Add(line);
                }
            }
            foreach (string member in members.Order(StringComparer.Ordinal))
            {
                text.Append("  ").Append(member).Append('\n');
            }
        }
        return text.ToString();
    }

    private static bool Visible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static string Modifiers(MethodInfo method) =>
        method.IsStatic ? "static " : method.IsAbstract ? "abstract " : method.IsVirtual && !method.IsFinal ? "virtual " : "";

    private static string Parameters(MethodBase method) =>
        string.Join(", ", method.GetParameters().Select(p => $"{(p.IsOut ? "out " : p.IsIn ? "in " : p.ParameterType.IsByRef ? "ref " : "")}{Name(p.ParameterType)} {p.Name}{(p.HasDefaultValue ? " = " + (p.DefaultValue ?? "default") : "")}"));

    private static string Name(Type type)
    {
        if (type.IsByRef || type.IsPointer)
        {
            return Name(type.GetElementType()!) + (type.IsPointer ? "*" : "");
        }
        if (type.IsArray)
        {
            return Name(type.GetElementType()!) + "[]";
        }
        string name = type.IsGenericParameter ? type.Name : type.IsNested ? Name(type.DeclaringType!) + "." + type.Name : type.Namespace?.StartsWith("Lorikeet", StringComparison.Ordinal) == true ? type.FullName ?? type.Name : type.Name;
        int tick = name.IndexOf('`', StringComparison.Ordinal);
        return type.IsGenericType ? (tick < 0 ? name : name[..tick]) + "<" + string.Join(", ", type.GetGenericArguments().Select(Name)) + ">" : name;
    }
}
