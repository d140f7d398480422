// Fine-tunes an adapter on a text and lets it speak. Arguments: model folder, text file, folder for the adapter, steps.
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Serving;
using Lorikeet.Training;

string[] given = [.. args, .. new[] { "assets/starter", "assets/texts/satire.txt", "runs/fine-tuned", "150" }.Skip(args.Length)];
RunSettings settings = new()
{
    Model = given[0],
    Data = [given[1]],
    Out = given[2],
    Method = "lora",
    MethodOptions = new JsonObject { ["r"] = 8, ["lora_alpha"] = 16, ["target_modules"] = "all-linear" },
    Rate = 4e-3,
    Context = 128,
    Steps = int.Parse(given[3]),
    EvalEvery = 50,
};
using (TrainingRun run = TrainingRun.Start(settings))
{
    Console.WriteLine($"{run.TrainedCount} of {run.ModelCount} numbers train on {run.TokenCount} tokens");
    RunObserver progress = new(measured: e => Console.WriteLine($"step {e.Step}: held-out loss {e.Loss:F4}"));
    run.Run([progress]);
}

using LanguageModel model = ModelLoader.Load(given[0]);
using TrainedAdapter adapter = AdapterFolder.Load(given[2], model);
using TextGenerator generator = new(model, Tokenizer.Load(given[0]));
GenerationRequest bare = new() { Prompt = [], MaxTokens = 48, Sampling = new() { Temperature = 0.7, Seed = 1 } };
Console.WriteLine("before: " + await generator.GenerateTextAsync("A man is", bare));
Console.WriteLine("after:  " + await generator.GenerateTextAsync("A man is", bare with { Adapter = adapter }));
