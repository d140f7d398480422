using System.CommandLine;
using Lorikeet.Adapters;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet methods</c>: the registry of adapter methods.</summary>
internal static class MethodsCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        Argument<string?> name = new("METHOD") { Description = "Show one method with all its options", Arity = ArgumentArity.ZeroOrOne };
        Command command = new("methods", "Lists the adapter methods, or one with its options.\n\nExamples:\n  lorikeet methods\n  lorikeet methods nola") { name };
        command.SetAction(parsed => Run(parsed.GetValue(name)));
        return command;
    }

    private static int Run(string? name)
    {
        if (name is null)
        {
            foreach (AdapterMethod method in AdapterMethods.All.OrderBy(m => m.Name, StringComparer.Ordinal))
            {
                Console.WriteLine($"{method.Name,-8} {method.PeftType,-8} {method.Summary}");
            }
            return 0;
        }
        AdapterMethod one = AdapterMethods.Find(name);
        Console.WriteLine($"{one.Name}: {one.Summary}");
        Console.WriteLine($"source: {one.Source}");
        Console.WriteLine($"peft_type in adapter_config.json: {one.PeftType}");
        Console.WriteLine($"trained numbers of a linear layer: {one.Formula}");
        Console.WriteLine();
        int width = one.Options.Max(o => o.Key.Length);
        foreach (MethodOption option in one.Options)
        {
            Console.WriteLine($"  {option.Key.PadRight(width)}  {option.Meaning} (default {option.Default})");
        }
        return 0;
    }
}
