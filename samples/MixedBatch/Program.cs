// Three rows of one batch: two adapters and the bare model. Argument: the starter model's folder, or another with adapters rust and lua in it.
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Serving;

string starter = args.Length > 0 ? args[0] : "assets/starter";
using LanguageModel model = ModelLoader.Load(starter);
Tokenizer tokenizer = Tokenizer.Load(starter);
using TrainedAdapter rust = AdapterFolder.Load($"{starter}/rust", model);
using TrainedAdapter lua = AdapterFolder.Load($"{starter}/lua", model);
using TextGenerator generator = new(model, tokenizer);

GenerationRequest row = new() { Prompt = tokenizer.Encode("return"), MaxTokens = 32, Sampling = new() { Temperature = 0.7, Seed = 1 } };
string[] answers = ["", "", ""];
await foreach (GenerationEvent e in generator.GenerateAsync([row with { Adapter = rust }, row with { Adapter = lua }, row]))
{
    answers[e.Id] += e.Text;
}
Console.WriteLine(string.Join("\n", answers));
