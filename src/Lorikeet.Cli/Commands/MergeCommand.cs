using System.CommandLine;
using Lorikeet.Adapters;
using Lorikeet.Cli.Inspect;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet merge</c>: adapters into a new model folder, or into one adapter.</summary>
internal static class MergeCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        Option<string> model = new("--model") { Description = "The model that the adapters are for", Required = true, HelpName = "FOLDER" };
        Option<string[]> adapters = new("--adapter") { Description = "An adapter; may be given several times", Required = true, HelpName = "FOLDER" };
        Option<double[]> weights = new("--weight") { Description = "The factor of each --adapter, in the same order; 1 where none is given", HelpName = "NUMBER" };
        Option<string> output = new("--out") { Description = "The new model's folder", HelpName = "FOLDER" };
        Option<string> adapterOutput = new("--adapter-out") { Description = "The folder of one adapter that stands for all; instead of --out", HelpName = "FOLDER" };
        Option<string> type = new("--type") { Description = "How the new model's numbers are stored; as in the old model where not given" };
        type.AcceptOnlyFromAmong("bf16", "f16", "f32");
        Option<string> combine = new("--combine")
        {
            Description = "How several adapters, or weighted ones, become one: cat stacks them and is their exact sum, linear mixes the factors of equal ranks as PEFT does",
            DefaultValueFactory = _ => "cat",
        };
        combine.AcceptOnlyFromAmong("cat", "linear");
        Option<bool> force = new("--force") { Description = "Replace a model or an adapter that is already there" };
        Command command = new(
            "merge",
            "Merges adapters into a copy of their model, or several adapters into one. Sums are made in float32; a folder is written whole or not at all.\n\n" +
            "Examples:\n" +
            "  lorikeet merge --model models/smollm2 --adapter adapters/support --out models/support\n" +
            "  lorikeet merge --model models/smollm2 --adapter a --weight 0.7 --adapter b --weight 0.3 --out merged --type bf16\n" +
            "  lorikeet merge --model models/smollm2 --adapter a --adapter b --combine linear --adapter-out both")
        {
            model, adapters, weights, output, adapterOutput, type, combine, force,
        };
        command.SetAction((parsed, stop) => Task.FromResult(Run(
            new Request(
                parsed.GetValue(model)!,
                parsed.GetValue(adapters)!,
                parsed.GetValue(weights) ?? [],
                parsed.GetValue(output),
                parsed.GetValue(adapterOutput),
                parsed.GetValue(type) switch { "f32" => ElementType.F32, "f16" => ElementType.F16, "bf16" => ElementType.BF16, _ => null },
                parsed.GetValue(combine)!,
                parsed.GetValue(force)),
            stop)));
        return command;
    }

    private static int Run(Request request, CancellationToken stop)
    {
        if ((request.Output is null) == (request.AdapterOutput is null))
        {
            throw new UsageException("give either --out, for a merged model, or --adapter-out, for one adapter");
        }
        if (request.AdapterOutput is not null && request.Type is not null)
        {
            throw new UsageException("--type is how a merged model is stored; it does not go with --adapter-out");
        }
        if (request.Weights.Length > 0 && request.Weights.Length != request.Adapters.Length)
        {
            throw new UsageException($"{request.Adapters.Length} adapters and {request.Weights.Length} weights were given; give one --weight an --adapter, or none");
        }
        string folder = ModelLocation.Resolve(request.Model);
        AtomicFolder.Check(request.Target, request.Force, request.Adapters.Prepend(folder));

        using LanguageModel model = ModelLoader.Load(folder);
        List<TrainedAdapter> adapters = [];
        try
        {
            foreach (string path in request.Adapters)
            {
                stop.ThrowIfCancellationRequested();
                adapters.Add(AdapterFolder.Load(path, model));
                Warn(adapters[^1].Warnings);
            }
            Merge(request, folder, model, adapters, stop);
            return 0;
        }
        finally
        {
            adapters.ForEach(a => a.Dispose());
        }
    }

    private static void Merge(Request request, string folder, LanguageModel model, List<TrainedAdapter> adapters, CancellationToken stop)
    {
        // One adapter as it is needs no sum, so it may be of any method that folds into weights.
        bool plain = adapters.Count == 1 && (request.Weights.Length == 0 || request.Weights[0] == 1) && request.Output is not null;
        double[] weights = request.Weights.Length > 0 ? request.Weights : [.. adapters.Select(_ => 1.0)];
        using TrainedAdapter? sum = plain ? null : Merging.WeightedSum(Path.GetFileName(request.Target), adapters, weights, request.Combine);
        stop.ThrowIfCancellationRequested();
        if (request.AdapterOutput is not null)
        {
            AtomicFolder.Write(request.Target, to => AdapterFolder.Save(sum!, to));
            Say($"wrote {request.Target}: one adapter from {adapters.Count}, of {sum!.AdaptedModules.Count} modules");
            return;
        }
        // Stored once in the type asked for: sums are float32 until then.
        using MergedModel merged = Merging.MergeInto(model, sum ?? adapters[0], request.Type ?? StoredAs(model));
        Warn(merged.Warnings);
        stop.ThrowIfCancellationRequested();
        AtomicFolder.Write(request.Target, to =>
        {
            ModelWriter.Save(model, to, request.Type);
            SideFiles.Copy(folder, to);
        });
        long bytes = Directory.EnumerateFiles(request.Target, "*.safetensors").Sum(f => new FileInfo(f).Length);
        Say($"wrote {request.Target}: {TensorList.Bytes(bytes)}, {merged.Changed.Count} of {model.Tensors.Count()} tensors changed");
    }

    private static ElementType StoredAs(LanguageModel model) =>
        model.Sites.OfType<LinearSite>().Select(s => s.Weight).OfType<DenseWeight>().FirstOrDefault()?.Type ?? ElementType.F32;

    private static void Warn(IEnumerable<string> warnings)
    {
        foreach (string warning in warnings)
        {
            Console.Error.WriteLine("warning: " + warning.ReplaceLineEndings(" "));
        }
    }

    private static void Say(string line) => Console.Out.WriteLine(line);

    private sealed record Request(
        string Model, string[] Adapters, double[] Weights, string? Output, string? AdapterOutput, ElementType? Type, string Combine, bool Force)
    {
        public string Target => (Output ?? AdapterOutput)!;
    }
}
