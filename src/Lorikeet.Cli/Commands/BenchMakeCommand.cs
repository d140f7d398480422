using System.CommandLine;
using Lorikeet.Cli.Bench;
using Lorikeet.Cli.Inspect;
using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet bench make</c>: models and adapters of random numbers, as files that any server can be measured with.</summary>
internal static class BenchMakeCommand
{
    private static readonly Argument<string> Folder = new("FOLDER") { Description = "Where to; adapters get a sub-folder each, as a server's --adapter-dir wants" };
    private static readonly Option<string?> Base = new("--base") { Description = "Make adapters for this model; without it a model of the shape --shape is made" };
    private static readonly Option<int> Count = new("--count") { Description = "With --base: how many adapters, named bench-0000, bench-0001, ...", DefaultValueFactory = _ => 16 };
    private static readonly Option<string> Method = new("--method") { Description = "With --base: their method, lora or another with a rank", DefaultValueFactory = _ => "lora" };
    private static readonly Option<int[]> Ranks = new("--rank") { Description = "With --base: their ranks, in turn", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [8] };
    private static readonly Option<string[]> Targets = new("--targets")
    {
        Description = "With --base: the modules they change, or all-linear; default: the attention's four projections, as S-LoRA's",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => ["q_proj", "k_proj", "v_proj", "o_proj"],
    };

    /// <summary>The command.</summary>
    /// <param name="shape">The option that names the shape.</param>
    public static Command Create(Option<string> shape)
    {
        Command command = new(
            "make",
            "Writes a model of a reference shape, or adapters for a model, of random numbers in bfloat16: what a server is loaded with to be measured.\n\nExamples:\n" +
            "  lorikeet bench make ./S --shape S\n  lorikeet bench make ./loras --base ./S --count 100 --rank 8 16\n  lorikeet bench make ./floras --base ./S --count 100 --method flora --rank 1 --targets all-linear")
        {
            Folder, shape, Base, Count, Method, Ranks, Targets,
        };
        command.SetAction((parsed, stop) => Task.Run(() => Run(parsed, shape, stop), stop));
        return command;
    }

    private static int Run(ParseResult parsed, Option<string> shape, CancellationToken stop)
    {
        string folder = parsed.GetValue(Folder)!;
        if (parsed.GetValue(Base) is not { } place)
        {
            if (File.Exists(Path.Combine(folder, "config.json")))
            {
                throw new UsageException($"{folder} holds a model already; give a new folder");
            }
            BenchBase.Write(BenchCommand.Config(parsed.GetValue(shape)!), folder);
            Console.WriteLine($"wrote {folder}");
            return 0;
        }
        int count = parsed.GetValue(Count);
        int[] ranks = parsed.GetValue(Ranks)!;
        if (count is < 1 or > BenchServeCommand.MostAdapters || ranks.Length == 0 || ranks.Any(r => r < 1))
        {
            throw new UsageException($"--count {count} --rank {string.Join(' ', ranks)}: expected 1 to {BenchServeCommand.MostAdapters} adapters with ranks from 1");
        }
        using MappedModel mapped = MappedModel.Open(ModelLocation.Resolve(place));
        int written = BenchAdapters.Write(mapped.Model, folder, count, parsed.GetValue(Method)!, parsed.GetValue(Targets)!, ranks, stop);
        Console.WriteLine($"wrote {written} adapters to {folder}, {count - written} were there");
        return 0;
    }
}
