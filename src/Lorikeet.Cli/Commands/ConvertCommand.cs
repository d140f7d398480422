using System.CommandLine;
using System.Diagnostics;
using Lorikeet.Adapters;
using Lorikeet.Cli.Inspect;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Gguf;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet convert FROM TO</c>: models and LoRA adapters between folders of the hub and GGUF files.</summary>
internal static class ConvertCommand
{
    private const string Extension = ".gguf";

    /// <summary>The command.</summary>
    public static Command Create()
    {
        Argument<string> from = new("FROM") { Description = "A model folder, org/name in the Hugging Face cache, an adapter folder, or a GGUF file" };
        Argument<string> to = new("TO") { Description = "A file that ends in .gguf, or a new folder" };
        Option<string?> type = new("--type")
        {
            Description = "How matrices are stored: f32, f16 or bf16, and in GGUF files formats in blocks (q8_0, q4_0, q4_k, q6_k ...); as they are where not given",
            HelpName = "FORMAT",
        };
        Option<string?> model = new("--model") { Description = "The model that an adapter is for", HelpName = "MODEL" };
        Option<string?> name = new("--name") { Description = "The name that a GGUF file gives the model; its folder's where not given", HelpName = "TEXT" };
        Option<bool> force = new("--force") { Description = "Replace what is already there" };
        Command command = new(
            "convert",
            "Converts models, and LoRA adapters, between folders of the Hugging Face hub and GGUF files, both ways. Rows are read, converted and written a few at\n" +
            "a time; a file or folder is written whole or not at all. What the other format cannot hold is refused by name.\n\n" +
            "Examples:\n" +
            "  lorikeet convert models/smollm2 smollm2-q4_k.gguf --type q4_k\n" +
            "  lorikeet convert smollm2-q8_0.gguf models/smollm2 --type bf16\n" +
            "  lorikeet convert adapters/support support.gguf --model models/smollm2")
        {
            from, to, type, model, name, force,
        };
        command.SetAction((parsed, stop) => Task.FromResult(Run(
            new Request(parsed.GetValue(from)!, parsed.GetValue(to)!, parsed.GetValue(type), parsed.GetValue(model), parsed.GetValue(name), parsed.GetValue(force)), stop)));
        return command;
    }

    private static int Run(Request request, CancellationToken stop)
    {
        request = request with { From = BundledFolder.Resolve(request.From) };
        bool adapter = File.Exists(Path.Combine(request.From, AdapterFolder.ConfigName)) || GgufLora.Is(request.From);
        if (adapter != request.Model is not null)
        {
            throw new UsageException(adapter ? $"{request.From} is an adapter: name the model that it is for with --model" : $"--model names the model of an adapter; {request.From} is a model itself");
        }
        if (adapter && (request.Type ?? request.Name) is not null)
        {
            throw new UsageException("--type and --name are for models; an adapter's factors stay as they are, in GGUF files float32");
        }
        WeightFormat? format = request.Type is null ? null : WeightsOption.Parse(request.Type);
        bool toFile = request.To.EndsWith(Extension, StringComparison.OrdinalIgnoreCase);
        string source = adapter ? request.From : ModelLocation.Resolve(request.From);
        if (toFile)
        {
            CheckFile(request, source);
        }
        else
        {
            AtomicFolder.Check(request.To, request.Force, source);
        }
        using MappedModel mapped = MappedModel.Open(adapter ? ModelLocation.Resolve(request.Model!) : source);
        long started = Stopwatch.GetTimestamp();
        if (adapter)
        {
            Adapter(request, mapped.Model, toFile);
        }
        else if (toFile)
        {
            ToFile(request, source, mapped.Model, format, stop);
        }
        else
        {
            ToFolder(request, source, mapped.Model, format);
        }
        long bytes = toFile ? new FileInfo(request.To).Length : Directory.EnumerateFiles(request.To, "*.safetensors").Sum(f => new FileInfo(f).Length);
        Console.Out.WriteLine($"wrote {request.To}: {TensorList.Bytes(bytes)} in {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s");
        return 0;
    }

    private static void Adapter(Request request, LanguageModel model, bool toFile)
    {
        using TrainedAdapter adapter = AdapterFolder.Load(request.From, model);
        foreach (string warning in adapter.Warnings)
        {
            Console.Error.WriteLine("warning: " + warning.ReplaceLineEndings(" "));
        }
        if (toFile)
        {
            GgufLora.Save(adapter, request.To);
        }
        else
        {
            AtomicFolder.Write(request.To, to => AdapterFolder.Save(adapter, to));
        }
    }

    private static void ToFile(Request request, string source, LanguageModel model, WeightFormat? format, CancellationToken stop)
    {
        bool tokens = File.Exists(source) || ((string[])["tokenizer.json", "tokenizer.model"]).Any(f => File.Exists(Path.Combine(source, f)));
        if (!tokens)
        {
            Console.Error.WriteLine($"warning: {source} has no tokenizer.json and no tokenizer.model: the file gets no vocabulary");
        }
        GgufModelWriter.Save(
            model,
            request.To,
            new GgufSaveOptions
            {
                Format = format,
                Tokenizer = tokens ? source : null,
                Name = request.Name ?? Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(request.From)),
                Progress = Tell,
            },
            stop);
    }

    private static void ToFolder(Request request, string source, LanguageModel model, WeightFormat? format)
    {
        ElementType? type = format?.Name switch
        {
            null => null,
            "f32" => ElementType.F32,
            "f16" => ElementType.F16,
            "bf16" => ElementType.BF16,
            _ => throw new UsageException($"--type {request.Type}: a folder of the hub holds f32, f16 or bf16; formats in blocks need a {Extension} file"),
        };
        if (type is { } whole)
        {
            // A type is one of whole matrices: what is kept as factors is multiplied out.
            model.Exchange((_, weight) => weight is FactoredWeight ? new DenseWeight(weight.ToArray(), weight.Outputs, weight.Inputs, whole) : weight);
        }
        AtomicFolder.Write(request.To, to =>
        {
            // Small, and refused by name where it has no form: before the work.
            SideFiles.Copy(source, to);
            ModelWriter.Save(model, to, type);
        });
    }

    private static void Tell(string name, int number, int count)
    {
        if (!Console.IsErrorRedirected)
        {
            Console.Error.Write($"\r{number} of {count} tensors  {name}".PadRight(72)[..72] + (number == count ? "\n" : ""));
        }
    }

    private static void CheckFile(Request request, string source)
    {
        string full = Path.GetFullPath(request.To);
        if (full == Path.GetFullPath(source) || Directory.Exists(full))
        {
            throw new UsageException(Directory.Exists(full) ? $"{request.To} is a folder; give a new file" : $"{request.To} is the file that is read; write somewhere else");
        }
        if (File.Exists(full) && !request.Force)
        {
            throw new UsageException($"{request.To} is already there; give a new file, or --force to replace it");
        }
        if (!Directory.Exists(Path.GetDirectoryName(full)))
        {
            throw new UsageException($"the folder of {request.To} is not there; make it first");
        }
    }

    private sealed record Request(string From, string To, string? Type, string? Model, string? Name, bool Force);
}
