// A method of one's own: a gain for every output of every linear layer, y = gain o (W x + b), the idea of (IA)3. It trains as any other
// does and serves in one batch beside any other. Arguments: model folder, text file, steps.
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Serving;
using Lorikeet.Tensors;
using Lorikeet.Training;

string[] given = [.. args, .. new[] { "runs/demo/base", "assets/demo/psalms.txt", "100" }.Skip(args.Length)];
using LanguageModel model = ModelLoader.Load(given[0]);
Tokenizer tokenizer = Tokenizer.Load(given[0]);

using Adapter gains = new("gains", model);
foreach (LinearSite site in model.Sites.OfType<LinearSite>().Where(s => !s.IsHead))
{
    Tensor ones = Storage.Zeros(new Shape(site.Outputs));
    ones.Span.Fill(1);
    gains.Set(site, new GainSite(new Parameter(site.Name + ".gain", ones)));
}

const int Window = 64;
int[] tokens = tokenizer.Encode(File.ReadAllText(given[1]));
Batch[] batches = [.. tokens.Chunk((4 * Window) + 1).Where(c => c.Length == (4 * Window) + 1)
    .Select(c => new Batch(c[..^1], c[1..], [Window, Window, Window, Window]))];
int steps = int.Parse(given[2]), held = Math.Max(1, batches.Length / 20);
Console.WriteLine($"{gains.ParameterCount} of {model.ParameterCount} numbers train; held-out loss {Evaluator.Run(model, null, batches[^held..]).Loss:F4}");
using (Trainee trainee = new(
    gains.Name, gains, Trainee.Group(gains.Parameters, decay: 0, all: false), new FixedBatches(batches[..^held]), Optimizers.Create("adamw"),
    Schedule.Create("cosine", new ScheduleSettings { Rate = 2e-2, Warmup = steps / 20, Steps = steps }), clip: 1))
using (Trainer trainer = new(model, [trainee], new TrainerOptions()))
{
    while (trainer.Step < steps)
    {
        trainer.Next();
    }
}
gains.ForgetForms();
Console.WriteLine($"after {steps} steps: held-out loss {Evaluator.Run(model, gains, batches[^held..]).Loss:F4}");

using TextGenerator generator = new(model, tokenizer);
GenerationRequest row = new() { Prompt = tokenizer.Encode("The king"), MaxTokens = 32, Sampling = new() { Temperature = 0.7, Seed = 1 } };
string[] answers = ["", ""];
await foreach (GenerationEvent e in generator.GenerateAsync([row, row with { Adapter = gains }]))
{
    answers[e.Id] += e.Text;
}
Console.WriteLine($"bare:  {answers[0]}\ngains: {answers[1]}");

/// <summary>The method: its forward pass is all that training, mixed batches and the server's engine need.</summary>
internal sealed class GainSite(Parameter gain) : SiteAdapter
{
    public override IReadOnlyList<Parameter> Parameters { get; } = [gain];

    public override Tensor Forward(in SiteCall call) => MultiplyRow.Forward(call.Run, call.Base(), call.Run.Use(gain));
}
