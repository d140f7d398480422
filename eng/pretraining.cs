#:project ../src/Lorikeet.Training/Lorikeet.Training.csproj
#:property PublishAot=false
#:property GenerateDocumentationFile=false

// Pre-trains one small Llama with full AdamW, GaLore, Fira, FRUGAL, SLTrain and low-rank weights, and writes the table and the picture of docs/pretraining.md.
//   dotnet run eng/pretraining.cs -- --data ../shared/data/gsm8k --out runs/pretraining
// Each method's rate comes from a short search with the first seed; then all methods run with each seed. What is already in --out is not run again,
// so that a comparison that was stopped goes on, and a method can be added. One run at a time, on LORIKEET_THREADS threads.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Lorikeet.Training;

const int Context = 128, Batch = 8, Hidden = 192, Layers = 4, Rank = Hidden / 4;
Method[] known =
[
    new("adamw", "full, AdamW", [3e-4, 1e-3, 3e-3], []),
    new("galore", "GaLore", [3e-3, 1e-2, 3e-2], ["--optimizer", "galore", .. Subspace("scale=0.25")]),
    new("fira", "Fira", [1e-3, 3e-3, 1e-2], ["--optimizer", "fira", .. Subspace("scale=0.25")]),
    new("frugal", "FRUGAL", [3e-4, 1e-3, 3e-3], ["--optimizer", "frugal", "--optimizer-option", "density=0.25", "--optimizer-option", "period=200"]),
    new("sltrain", "SLTrain", [1e-3, 3e-3, 1e-2], ["--weights", "sltrain", "--weights-option", $"rank={Rank}", "--weights-option", "delta=0.03", "--weights-option", "alpha=32"]),
    new("low-rank", "W = BA", [1e-3, 3e-3, 1e-2], ["--weights", "low-rank", "--weights-option", $"rank={Rank}"]),
];
Dictionary<string, string> options = [];
for (int i = 0; i + 1 < args.Length; i += 2)
{
    options[args[i]] = args[i + 1];
}
string Option(string name, string otherwise) => options.TryGetValue(name, out string? value) ? value : otherwise;
string command = Option("--lorikeet", "./lorikeet"), data = Option("--data", "../shared/data/gsm8k"), folder = Path.GetFullPath(Option("--out", "runs/pretraining"));
int steps = int.Parse(Option("--tokens", "3000000"), CultureInfo.InvariantCulture) / (Context * Batch);
int searchSteps = int.Parse(Option("--search-steps", "200"), CultureInfo.InvariantCulture), seeds = int.Parse(Option("--seeds", "3"), CultureInfo.InvariantCulture);
string[] names = Option("--methods", string.Join(',', known.Select(m => m.Name))).Split(',');
Method[] methods = [.. names.Select(name => known.Single(m => m.Name == name))];

Directory.CreateDirectory(folder);
string train = Text("train.jsonl", int.MaxValue), held = Text("test.jsonl", 40_000);
Dictionary<string, double> rates = [];
foreach (Method method in methods)
{
    Dictionary<double, double> tried = method.Rates.ToDictionary(rate => rate, rate => Run(method, rate, 1, searchSteps, Path.Combine(folder, "search", $"{method.Name}-{Number(rate)}"))[^1].Loss);
    rates[method.Name] = tried.MinBy(t => t.Value).Key;
    Console.WriteLine($"{method.Name}: " + string.Join(", ", tried.Select(t => $"{Number(t.Key)} -> {t.Value:F4}")));
}
Dictionary<string, List<IReadOnlyList<(int Step, double Loss)>>> curves = methods.ToDictionary(m => m.Name, _ => new List<IReadOnlyList<(int Step, double Loss)>>());
for (int seed = 1; seed <= seeds; seed++)
{
    foreach (Method method in methods)
    {
        IReadOnlyList<(int Step, double Loss)> curve = Run(method, rates[method.Name], seed, steps, Path.Combine(folder, "runs", $"{method.Name}-{Number(rates[method.Name])}-{seed}"));
        curves[method.Name].Add(curve);
        Console.WriteLine($"{method.Name} seed {seed}: {curve[^1].Loss:F4}");
        Report(seed);
    }
}

// The table as far as it is known, and the mean curves.
void Report(int seed)
{
    StringBuilder table = new("| method | rate | held-out loss, mean | each seed |\n| --- | --- | --- | --- |\n");
    List<ChartLine> drawn = [];
    foreach (Method method in methods.Where(m => curves[m.Name].Count > 0))
    {
        List<IReadOnlyList<(int Step, double Loss)>> own = curves[method.Name];
        table.Append(CultureInfo.InvariantCulture, $"| {method.Title} | {Number(rates[method.Name])} | {own.Average(c => c[^1].Loss):F4} | {string.Join(", ", own.Select(c => c[^1].Loss.ToString("F4", CultureInfo.InvariantCulture)))} |\n");
        // The first measurements, ln 256 for all and what follows soon after, would leave no room for the differences.
        drawn.Add(new ChartLine(method.Title, [.. Enumerable.Range(3, own[0].Count - 3).Select(i => ((double)own[0][i].Step, own.Average(c => c[i].Loss)))], LineStyle.Dots));
    }
    File.WriteAllText(Path.Combine(folder, "table.md"), table.ToString());
    File.WriteAllText(Path.Combine(folder, "pretraining.svg"), new Chart($"Held-out loss, mean of {seed} seeds", "optimiser step", "nats a byte", drawn).Draw());
}

string[] Subspace(string scale) =>
    [.. new[] { $"rank={Rank}", "period=200", "basis=randomised_svd", scale }.SelectMany(o => new[] { "--optimizer-option", o })];

// Questions and answers as plain text.
string Text(string name, int most)
{
    StringBuilder text = new();
    foreach (string line in File.ReadLines(Path.Combine(data, name)))
    {
        using JsonDocument record = JsonDocument.Parse(line);
        text.Append(record.RootElement.GetProperty("question").GetString()).Append('\n').Append(record.RootElement.GetProperty("answer").GetString()).Append("\n\n");
        if (text.Length >= most)
        {
            break;
        }
    }
    string path = Path.Combine(folder, Path.ChangeExtension(name, ".txt"));
    File.WriteAllText(path, text.ToString());
    return path;
}

// Runs unless it ran before; gives the held-out losses by step.
IReadOnlyList<(int Step, double Loss)> Run(Method method, double rate, int seed, int count, string to)
{
    if (!File.Exists(Path.Combine(to, "model.safetensors")))
    {
        if (Directory.Exists(to))
        {
            Directory.Delete(to, recursive: true);
        }
        string[] words = command.Split(' ');
        string[] settings =
        [
            "pretrain", "--data", train, "--eval-data", held, "--out", to, "--hidden", $"{Hidden}", "--layers", $"{Layers}", "--heads", "8", "--kv-heads", "4", "--context", $"{Context}",
            "--batch", $"{Batch}", "--steps", $"{count}", "--eval-every", $"{Math.Max(1, count / 8)}", "--checkpoint-every", "0", "--weight-decay", "0", "--schedule", "cosine_with_min_lr", "--warmup", $"{count / 10}",
            "--lr", Number(rate), "--seed", $"{seed}", .. method.Options,
        ];
        using Process process = Process.Start(new ProcessStartInfo(words[0], [.. words[1..], .. settings]))!;
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{method.Name}: lorikeet ended with {process.ExitCode}");
        }
    }
    List<(int Step, double Loss)> curve = [];
    foreach (string line in File.ReadLines(Path.Combine(to, "metrics.jsonl")))
    {
        using JsonDocument note = JsonDocument.Parse(line);
        if (note.RootElement.TryGetProperty("held_out_loss", out JsonElement loss))
        {
            curve.Add((note.RootElement.GetProperty("step").GetInt32(), loss.GetDouble()));
        }
    }
    return curve;
}

static string Number(double value) => value.ToString("G", CultureInfo.InvariantCulture);

internal sealed record Method(string Name, string Title, double[] Rates, string[] Options);
