// A method of one's own, y = (1 + gain) o (W x + b): registered, it trains, is saved, loaded and served as any other. Arguments: model, text, adapter, steps.
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Serving;
using Lorikeet.Tensors;
using Lorikeet.Training;

string[] given = [.. args, .. new[] { "assets/starter", "assets/texts/psalms.txt", "runs/gains", "100" }.Skip(args.Length)];
AdapterMethods.Add(new GainsMethod());
RunSettings settings = new() { Model = given[0], Data = [given[1]], Out = given[2], Context = 64, Steps = int.Parse(given[3]), Method = "gains" };
using TrainingRun run = TrainingRun.Start(settings);
run.Run([new RunObserver(measured: e => Console.WriteLine($"step {e.Step}: held-out loss {e.Loss:F4}"))]);
using LanguageModel model = ModelLoader.Load(given[0]);
using TrainedAdapter gains = AdapterFolder.Load(given[2], model);
Tokenizer tokenizer = Tokenizer.Load(given[0]);
using TextGenerator generator = new(model, tokenizer);
GenerationRequest row = new() { Prompt = tokenizer.Encode("The king"), MaxTokens = 32, Sampling = new() { Temperature = 0.7, Seed = 1 } };
string[] answers = ["", ""];
await foreach (GenerationEvent e in generator.GenerateAsync([row, row with { Adapter = gains }]))
{
    answers[e.Id] += e.Text;
}
Console.WriteLine($"bare:  {answers[0]}\n{gains.Method.Name}: {answers[1]}");

internal sealed class GainsMethod : AdapterMethod
{
    public override string Name => "gains";
    public override string PeftType => "GAINS";
    public override string Summary => "Multiplies each output of a layer with a trained number.";
    public override string Source => "after Liu et al., arXiv 2205.05638";
    public override string Formula => "outputs";
    public override double LearningRate => 2e-2;
    public override IReadOnlyList<MethodOption> Options => [new("target_modules", "\"all-linear\"", "which modules")];
    public override bool Reads(JsonObject config) => config["peft_type"]?.ToString() == PeftType;
    public override TrainedAdapter Create(string name, LanguageModel model, JsonObject config, CounterRandom random) =>
        Build(name, model, config, (key, shape) => new Parameter(key, Storage.Zeros(shape)));
    public override TrainedAdapter Read(string name, LanguageModel model, AdapterFile file) => Build(name, model, file.Config.Json, (key, shape) => file.Take(key, shape, out _));
    private TrainedAdapter Build(string name, LanguageModel model, JsonObject config, Func<string, Shape, Parameter> make)
    {
        TrainedAdapter adapter = new(name, model, this, (JsonObject)config.DeepClone());
        adapter.Config["peft_type"] = PeftType;
        adapter.Config["target_modules"] ??= "all-linear";
        foreach (LinearSite site in TargetSites.Linear(model, new AdapterConfig(adapter.Config, name), Name, []))
        {
            Parameter gain = make($"{AdapterFile.Prefix}{site.Name}.gain", new Shape(site.Outputs));
            adapter.Set(site, new GainSite(gain));
            adapter.Store(gain.Name, gain);
        }
        return adapter;
    }
}

/// <summary>(1 + gain) o (W x + b): all that training, mixed batches and the server's engine need.</summary>
internal sealed class GainSite(Parameter gain) : SiteAdapter
{
    public override IReadOnlyList<Parameter> Parameters { get; } = [gain];
    public override Tensor Forward(in SiteCall call) => MultiplyRow.Forward(call.Run, call.Base(), Shift.Forward(call.Run, call.Run.Use(gain), 1));
}
