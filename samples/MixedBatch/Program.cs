// Three rows of one batch: two adapters and the bare model. Run `./lorikeet demo` first, or name another demo's folder.
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Serving;

string demo = args.Length > 0 ? args[0] : "runs/demo";
using LanguageModel model = ModelLoader.Load($"{demo}/base");
Tokenizer tokenizer = Tokenizer.Load($"{demo}/base");
using TrainedAdapter psalms = AdapterFolder.Load($"{demo}/psalms-lora", model);
using TrainedAdapter satire = AdapterFolder.Load($"{demo}/satire-dora", model);
using TextGenerator generator = new(model, tokenizer);

GenerationRequest row = new() { Prompt = tokenizer.Encode("The king"), MaxTokens = 32, Sampling = new() { Temperature = 0.7, Seed = 1 } };
string[] answers = ["", "", ""];
await foreach (GenerationEvent e in generator.GenerateAsync([row with { Adapter = psalms }, row with { Adapter = satire }, row]))
{
    answers[e.Id] += e.Text;
}
Console.WriteLine(string.Join("\n", answers));
