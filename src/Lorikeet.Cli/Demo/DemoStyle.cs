using System.Text.Json.Nodes;

namespace Lorikeet.Cli.Demo;

/// <summary>One style of text, the method whose adapter learns it, and the prompt that shows it.</summary>
/// <param name="Name">The name of its text in the assembly, and of its adapter.</param>
/// <param name="Title">What a user reads above its answer.</param>
/// <param name="Method">The adapter method.</param>
/// <param name="Options">The method's options.</param>
/// <param name="Rate">The peak learning rate: this base is small and the runs are short, so rates are high.</param>
/// <param name="Prompt">What the answer begins with.</param>
internal sealed record DemoStyle(string Name, string Title, string Method, JsonObject Options, double Rate, string Prompt)
{
    /// <summary>Four styles, four methods.</summary>
    public static IReadOnlyList<DemoStyle> All { get; } =
    [
        new("psalms", "King James", "lora", Low(8), 4e-3, "The LORD"),
        new("satire", "Devil's Dictionary", "dora", Low(8), 4e-3, "POLITICIAN, n."),
        new("reference", ".NET reference", "flora", Low(2), 2e-2, "String.Join:"),
        new("csharp", "C# source", "nola", Nola(), 2e-2, "/// <summary>"),
    ];

    private static JsonObject Low(int rank) => new() { ["r"] = rank, ["lora_alpha"] = 2 * rank, ["target_modules"] = "all-linear" };

    private static JsonObject Nola()
    {
        JsonObject options = Low(8);
        options["num_basis"] = 256;
        return options;
    }
}
