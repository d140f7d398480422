using System.Text.RegularExpressions;
using Lorikeet.Testing;
using Xunit.Abstractions;

namespace Lorikeet.Adapters.Tests.Cards;

/// <summary>Every check of these cards has a test that names it by a trait: <c>dotnet test --filter "Card=NOLA 7"</c> runs its proof.</summary>
public sealed partial class CardIndexTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("LoRA", 7)]
    [InlineData("DoRA", 7)]
    [InlineData("FLoRA", 7)]
    [InlineData("NOLA", 7)]
    [InlineData("PiSSA", 7)]
    [InlineData("SLTrain", 7)]
    [InlineData("GaLore", 7)]
    [InlineData("NaturalGaLore", 7)]
    [InlineData("Fira", 7)]
    [InlineData("FRUGAL", 7)]
    [InlineData("GradNormLoRP", 7)]
    [InlineData("LISA", 7)]
    [InlineData("OwLore", 7)]
    [InlineData("S-LoRA", 6)]
    public void Every_check_has_a_proof(string card, int checks)
    {
        List<(string Check, string Test)> proofs = [.. Directory.EnumerateFiles(Path.Combine(SharedFiles.Repository, "tests"), "*.cs", SearchOption.AllDirectories).SelectMany(Proofs)];
        for (int i = 1; i <= checks; i++)
        {
            string check = $"{card} {i}";
            string[] tests = [.. proofs.Where(p => p.Check == check).Select(p => p.Test).Order(StringComparer.Ordinal)];
            output.WriteLine($"{check}: {string.Join(", ", tests)}");
            Assert.True(tests.Length > 0, $"no test has [Trait(\"Card\", \"{check}\")]");
        }
        Assert.DoesNotContain(proofs, p => p.Check.StartsWith(card + " ", StringComparison.Ordinal) && int.Parse(p.Check[(card.Length + 1)..], null) > checks);
    }

    /// <summary>The checks that stand above the declarations of a file, each with the method or class that follows.</summary>
    private static IEnumerable<(string Check, string Test)> Proofs(string file)
    {
        List<string> open = [];
        foreach (string line in File.ReadLines(file))
        {
            if (Mark().Match(line) is { Success: true } mark)
            {
                open.Add(mark.Groups[1].Value);
            }
            else if (open.Count > 0 && Declaration().Match(line) is { Success: true } name)
            {
                foreach (string check in open)
                {
                    yield return (check, $"{Path.GetFileNameWithoutExtension(file)}.{name.Groups[1].Value}");
                }
                open.Clear();
            }
        }
    }

    [GeneratedRegex("""^ *\[Trait\("Card", "([A-Za-z-]+ [0-9]+)"\)\]""")]
    private static partial Regex Mark();

    [GeneratedRegex("public (?:sealed class|void|async Task) ([A-Za-z0-9_]+)")]
    private static partial Regex Declaration();
}
