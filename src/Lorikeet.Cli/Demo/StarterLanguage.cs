namespace Lorikeet.Cli.Demo;

/// <summary>A language that the starter model never saw, and that one of its adapters speaks.</summary>
/// <param name="Name">The adapter's folder in the starter model's.</param>
/// <param name="Title">What a user reads above its answer.</param>
internal sealed record StarterLanguage(string Name, string Title)
{
    /// <summary>Eight languages, in the order they are shown.</summary>
    public static IReadOnlyList<StarterLanguage> All { get; } =
    [
        new("rust", "Rust"),
        new("ruby", "Ruby"),
        new("perl", "Perl"),
        new("lua", "Lua"),
        new("haskell", "Haskell"),
        new("shell", "shell"),
        new("tcl", "Tcl"),
        new("scheme", "Scheme"),
    ];

    /// <summary>The adapter, as <c>--adapter</c> takes it.</summary>
    public string Adapter => $"{Models.Files.BundledFolder.Starter}/{Name}";

    /// <summary>Text of the language that neither the base nor the adapter was trained on.</summary>
    public string HeldOut => Models.Files.BundledFolder.Resolve($"{Models.Files.BundledFolder.Starter}/held-out/{Name}.jsonl");
}
