using System.CommandLine;
using Lorikeet.Cli.Bench;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet bench</c>: measures this machine and this product, as ratios taken in one run.</summary>
internal static class BenchCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        Option<bool> json = Json();
        Command limits = new("limits", "Arithmetic and reading limits of this machine, and what matrix products reach of them.") { json };
        limits.SetAction((parsed, stop) => Task.Run(() => new LimitsBench(parsed.GetValue(json)).Run(stop), stop));
        return new Command(
            "bench",
            "Measures this machine and this product, as ratios taken in one run.\n\nExamples:\n  lorikeet bench limits\n  lorikeet bench model --shape S --weights bf16\n" +
            "  lorikeet bench train --method lora --rank 16\n  lorikeet bench train --method full --optimizer galore --rank 128 --per-layer\n  lorikeet bench adapters --rows 16 --adapters 16 --rank 16 --adapter-type f32 bf16 int8\n  lorikeet bench adapters --method flora --rows 16 --adapters 16 --rank 1\n  lorikeet bench flora --batch 1 8 32 --rank 1 2 4 8 16\n  lorikeet bench serve --server http://127.0.0.1:8000 --adapters legal poems --rate 2")
        {
            limits, Model(), Train(), Adapters(), Flora(), BenchMakeCommand.Create(Shape()), BenchServeCommand.Create(),
        };
    }

    private static Command Model()
    {
        Option<string> shape = Shape(), weights = Weights();
        Option<int[]> prefill = Numbers("--prefill", "Prompt lengths", [64, 256]);
        Option<int[]> batch = Numbers("--batch", "Batch sizes of decode", [1, 8, 16, 32]);
        Option<int> runs = new("--runs") { Description = "How often each is timed (the median counts)", DefaultValueFactory = _ => 5 };
        Option<bool> json = Json();
        Command command = new("model", "Prefill and decode rates of a reference shape with random weights.") { shape, weights, prefill, batch, runs, json };
        command.SetAction((parsed, stop) => Task.Run(
            () =>
            {
                using LanguageModel model = Random(parsed.GetValue(shape)!, parsed.GetValue(weights)!);
                return ModelBench.Run(model, parsed.GetValue(prefill)!, parsed.GetValue(batch)!, parsed.GetValue(runs), parsed.GetValue(json), stop);
            },
            stop));
        return command;
    }

    private static Command Train()
    {
        Option<string> shape = Shape(), weights = Weights();
        TrainBenchSettings defaults = new();
        Option<string> method = new("--method") { Description = "The adapter method, or full: all weights", DefaultValueFactory = _ => defaults.Method };
        Option<int> rank = new("--rank") { Description = "Its rank, or that of an optimiser's subspace", DefaultValueFactory = _ => defaults.Rank };
        Option<string> optimizer = new("--optimizer") { Description = string.Join(", ", Training.Optimizers.All.Keys), DefaultValueFactory = _ => defaults.Optimizer };
        Option<string[]> optimizerOptions = Words("--optimizer-option", "One of the optimiser's own options, NAME=VALUE"), ruleOptions = Words("--step-rule-option", "One of the step rule's own options, NAME=VALUE");
        Option<string?> rule = new("--step-rule") { Description = string.Join(", ", Training.StepRules.All.Keys) };
        Option<bool> perLayer = new("--per-layer") { Description = "Step each parameter inside backward and free its gradient" };
        Option<string> dtype = new("--train-dtype") { Description = "Of all weights: f32, or bf16 rounded by chance", DefaultValueFactory = _ => "f32" };
        dtype.AcceptOnlyFromAmong("f32", "bf16");
        Option<int> sequences = new("--batch") { Description = "Sequences of a step", DefaultValueFactory = _ => 4 };
        Option<int> tokens = new("--tokens") { Description = "Tokens of each", DefaultValueFactory = _ => 128 };
        Option<bool> checkpointing = new("--checkpointing") { Description = "Recompute blocks in backward" };
        Option<int> runs = new("--runs") { Description = "Steps that are timed (the median counts)", DefaultValueFactory = _ => 5 };
        Option<bool> json = Json();
        Command command = new("train", "Rate and memory of training an adapter, or all weights, on a reference shape with random weights.")
        {
            shape, weights, method, rank, optimizer, optimizerOptions, rule, ruleOptions, perLayer, dtype, sequences, tokens, checkpointing, runs, json,
        };
        command.SetAction((parsed, stop) => Task.Run(
            () =>
            {
                using LanguageModel model = Random(parsed.GetValue(shape)!, parsed.GetValue(weights)!);
                TrainBenchSettings settings = new()
                {
                    Method = parsed.GetValue(method)!,
                    Rank = parsed.GetValue(rank),
                    Optimizer = parsed.GetValue(optimizer)!,
                    OptimizerOptions = RunTrainingOptions.Pairs(optimizerOptions.Name, parsed.GetValue(optimizerOptions) ?? []),
                    StepRule = parsed.GetValue(rule),
                    StepRuleOptions = RunTrainingOptions.Pairs(ruleOptions.Name, parsed.GetValue(ruleOptions) ?? []),
                    PerLayer = parsed.GetValue(perLayer),
                    Halves = parsed.GetValue(dtype) == "bf16",
                    Sequences = parsed.GetValue(sequences),
                    Tokens = parsed.GetValue(tokens),
                    Checkpointing = parsed.GetValue(checkpointing),
                };
                return TrainBench.Run(model, settings, parsed.GetValue(runs), parsed.GetValue(json), stop);
            },
            stop));
        return command;
    }

    private static Command Adapters()
    {
        Option<string> shape = Shape(), weights = Weights();
        Option<string> method = new("--method") { Description = "The adapter method", DefaultValueFactory = _ => "lora" };
        Option<int[]> rows = Numbers("--rows", "Rows of a batch", [16, 64]);
        Option<int[]> distinct = Numbers("--adapters", "Distinct adapters in it", [1, 16, 64]);
        Option<int[]> rank = Numbers("--rank", "Ranks", [16]);
        Option<string[]> types = new("--adapter-type")
        {
            Description = "How factors are kept: exact, f32, bf16, int8",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => ["f32", "bf16", "int8"],
        };
        Option<int> prompt = new("--prompt") { Description = "Tokens of each row before the step", DefaultValueFactory = _ => 16 };
        Option<int> runs = new("--runs") { Description = "How often each is timed (the median counts)", DefaultValueFactory = _ => 5 };
        Option<bool> json = Json();
        Command command = new("adapters", "What adapters cost in a decode step: by rows, distinct adapters, rank and storage.")
        {
            shape, weights, method, rows, distinct, rank, types, prompt, runs, json,
        };
        command.SetAction((parsed, stop) => Task.Run(
            () =>
            {
                FactorStorage[] storages = [.. parsed.GetValue(types)!.Select(AdapterTypes.Parse)];
                using LanguageModel model = Random(parsed.GetValue(shape)!, parsed.GetValue(weights)!);
                AdaptersBench bench = new(model, parsed.GetValue(method)!, parsed.GetValue(prompt), parsed.GetValue(runs), parsed.GetValue(json));
                return bench.Run(parsed.GetValue(rows)!, parsed.GetValue(distinct)!, parsed.GetValue(rank)!, storages, stop);
            },
            stop));
        return command;
    }

    private static Command Flora()
    {
        Option<string> shape = Shape(), weights = Weights();
        Option<int[]> batch = Numbers("--batch", "Batch sizes: each row has an adapter of its own", [1, 8, 32]);
        Option<int[]> rank = Numbers("--rank", "Ranks", [1, 2, 4, 8, 16]);
        Option<int> prompt = new("--prompt") { Description = "Tokens of each row in prefill", DefaultValueFactory = _ => 16 };
        Option<int> runs = new("--runs") { Description = "How often each is timed (the median counts)", DefaultValueFactory = _ => 5 };
        Option<string> type = new("--adapter-type") { Description = "How factors are kept: exact, f32, bf16, int8", DefaultValueFactory = _ => "exact" };
        Option<bool> json = Json();
        Command command = new("flora", "What an adapter for every row costs by rank: LoRA grouped, LoRA as padded batched product, FLoRA.")
        {
            shape, weights, batch, rank, type, prompt, runs, json,
        };
        command.SetAction((parsed, stop) => Task.Run(
            () =>
            {
                FactorStorage storage = AdapterTypes.Parse(parsed.GetValue(type)!);
                using LanguageModel model = Random(parsed.GetValue(shape)!, parsed.GetValue(weights)!);
                FloraBench bench = new(
                    model, parsed.GetValue(batch)!, parsed.GetValue(rank)!, parsed.GetValue(prompt), storage, parsed.GetValue(runs), parsed.GetValue(json));
                return bench.Run(stop);
            },
            stop));
        return command;
    }

    /// <summary>A reference shape by its name.</summary>
    /// <exception cref="UsageException">There is none of this name.</exception>
    public static ModelConfig Config(string shape) => shape.ToUpperInvariant() switch
    {
        "S" => ModelConfig.S,
        "M" => ModelConfig.M,
        _ => throw new UsageException($"--shape {shape}: expected S (135 M parameters) or M (1.1 B)"),
    };

    private static LanguageModel Random(string shape, string weights) => ModelLoader.Create(Config(shape), new CounterRandom(1), WeightsOption.Parse(weights));

    private static Option<string[]> Words(string name, string description) => new(name) { Description = description, AllowMultipleArgumentsPerToken = true };

    private static Option<bool> Json() => new("--json") { Description = "One JSON object instead of text" };

    private static Option<string> Shape() => new("--shape") { Description = "S (SmolLM2-135M's) or M (TinyLlama-1.1B's)", DefaultValueFactory = _ => "S" };

    private static Option<string> Weights() => new("--weights") { Description = "f32, bf16, f16, q8_0, q4_0, q4_k, q6_k, nf4, ...: see generate --help", DefaultValueFactory = _ => "bf16" };

    private static Option<int[]> Numbers(string name, string description, int[] numbers) => new(name)
    {
        Description = description,
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => numbers,
    };
}
