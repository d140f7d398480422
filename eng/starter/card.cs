// Writes the starter model's card from what its runs and measurements left: dotnet run eng/starter/card.cs -- FOLDER > README.md
using System.Globalization;
using System.Text.Json.Nodes;

if (args.Length != 1)
{
    Console.Error.WriteLine("usage: dotnet run eng/starter/card.cs -- FOLDER");
    return 2;
}
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
string work = args[0];
string[] own = ["c", "go", "java", "python", "english"], others = ["rust", "ruby", "perl", "lua", "haskell", "shell", "tcl", "scheme"];
TextWriter card = Console.Out;
Run made = Run.Read(Path.Combine(work, "base")), more = Run.Read(Path.Combine(work, "base2"));
card.WriteLine($"""
    # The starter model

    A small Llama that writes source code, and eight adapters for languages it never saw: what `lorikeet demo` shows, and something to begin with before a larger model is at hand. It knows
    what code looks like, not what it means: do not use it for anything that matters. `--model starter` and `--adapter starter/rust` name it; `eng/starter/make` makes it again.

    | | |
    | --- | --- |
    | shape | 5.48 M numbers: 256 wide, 6 layers, 4 heads and 2 key/value heads of 64, feed-forward 704, tied embeddings, 512 tokens of context in training; bf16 |
    | tokenizer | byte-level BPE of 4,096 tokens, trained on the same text |
    | data | C, Go, Java, Python and English of Debian 12's packages and .NET's reference packs, 126 MB, split by project, near-duplicates removed; every package with its licence: [sources.tsv](sources.tsv) |
    | training | {(made.Tokens + more.Tokens) / 1e6:F1} M tokens, AdamW, in two pieces: {made.Steps:N0} steps of {made.Tokens / 1e6:F1} M tokens, no text twice, peak rate {made.Setting("rate")}, {made.Setting("schedule")}; then {more.Steps:N0} of {more.Tokens / 1e6:F1} M of the same text, peak rate {more.Setting("rate")}, {more.Setting("schedule")}; {(made.Seconds + more.Seconds) / 60:F0} minutes of steps on {made.Threads}, beside other work |
    | held-out loss | {made.FirstHeldOut:F3} before, {made.LastHeldOut:F3} nats a token after the first piece, {more.LastHeldOut:F3} after the second, on texts of other projects |

    ## The base on its own languages
    Bits per byte of held-out projects, about 400 KB a language (`lorikeet eval --model starter --data ... --context 512`):

    """);
card.WriteLine("| " + string.Join(" | ", own.Select(Title)) + " |\n|" + string.Concat(own.Select(_ => " --- |")));
card.WriteLine("| " + string.Join(" | ", own.Select(l => $"{Measured(work, $"base-{l}")[""]:F3}")) + " |");
card.WriteLine("""

    ## The adapters
    Each was trained on 2 MB of its language, once through (shell, the hardest, twice), and measured on about 400 KB of other projects:

    | language | method | rank | numbers | bytes | minutes | bits per byte, base | with its adapter | less |
    | --- | --- | --- | --- | --- | --- | --- | --- | --- |
    """);
foreach (string language in others)
{
    string folder = Path.Combine(work, "adapters", language);
    JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "adapter_config.json")))!.AsObject();
    Run run = Run.Read(folder);
    Dictionary<string, double> bits = Measured(work, $"own-{language}");
    long bytes = new FileInfo(Path.Combine(folder, "adapter_model.safetensors")).Length;
    string method = run.Setting("method");
    card.WriteLine($"| {Title(language)} | {method} | {config["r"]} | {run.Numbers:N0} | {bytes:N0} | {run.Seconds / 60:F1} | {bits[""]:F3} | {bits[language]:F3} | {(1 - bits[language] / bits[""]) * 100:F0} % |");
}
card.WriteLine("""

    ## Each adapter on each language
    Bits per byte of the excerpts in `held-out/` (24 KB a language, what the demo measures too). A column is a language, a row an adapter; the best of each column is bold.

    """);
Dictionary<string, double>[] map = [.. others.Select(l => Measured(work, $"map-{l}"))];
card.WriteLine("| adapter | " + string.Join(" | ", others.Select(Title)) + " |\n| --- |" + string.Concat(others.Select(_ => " --- |")));
foreach (string row in (string[])["", .. others])
{
    card.WriteLine($"| {(row.Length == 0 ? "none" : Title(row))} | " + string.Join(" | ", map.Select(column => column[row] == column.Values.Min() ? $"**{column[row]:F3}**" : $"{column[row]:F3}")) + " |");
}
card.WriteLine("""

    ## FLoRA of rank 1 against LoRA of rank 1
    As many numbers, the same steps and text, each method at three peak rates; bits per byte of the held-out projects:

    | language | base | LoRA | | | FLoRA | | |
    | --- | --- | --- | --- | --- | --- | --- | --- |
    """);
foreach (string language in (string[])["rust", "lua"])
{
    Dictionary<string, double> pairs = Measured(work, $"pairs-{language}");
    string Cells(string method) => string.Join(" | ", pairs.Where(p => p.Key.Contains($"-{method}-")).OrderBy(p => double.Parse(p.Key[(p.Key.IndexOf($"-{method}-", StringComparison.Ordinal) + method.Length + 2)..]))
        .Select(p => $"{p.Value:F3} ({p.Key[(p.Key.IndexOf($"-{method}-", StringComparison.Ordinal) + method.Length + 2)..]})"));
    card.WriteLine($"| {Title(language)} | {pairs[""]:F3} | {Cells("lora")} | {Cells("flora")} |");
}
card.WriteLine("""

    Either gets better up to the highest rate that was tried. With as many numbers LoRA learns more here, and FLoRA's one gain is at serving: `docs/methods/flora.md`.

    ## Licence
    The model and the adapters: Apache-2.0, as the project. They were trained on free software of many licences, listed in `sources.tsv`; the excerpts in `held-out/` are the beginnings of files of
    the packages marked `held` there and stay under those packages' licences.
    """);
return 0;

static string Title(string language) => language == "shell" ? language : char.ToUpperInvariant(language[0]) + language[1..];

// What `lorikeet eval --json` printed: bits per byte by adapter, the bare model under the empty name.
static Dictionary<string, double> Measured(string work, string name) =>
    File.ReadLines(Path.Combine(work, "figures", name + ".jsonl")).Where(l => l.StartsWith('{')).Select(l => JsonNode.Parse(l)!)
        .ToDictionary(n => n["adapter"]?.GetValue<string>() ?? "", n => n["bits_per_byte"]!.GetValue<double>());

internal sealed record Run(JsonNode Settings, JsonNode[] Lines, string Card)
{
    public static Run Read(string folder) => new(
        JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "run.json")))!,
        [.. File.ReadLines(Path.Combine(folder, "metrics.jsonl")).Select(l => JsonNode.Parse(l)!)],
        File.ReadAllText(Path.Combine(folder, "README.md")));

    private IEnumerable<JsonNode> StepLines => Lines.Where(l => l["loss"] is not null);

    private IEnumerable<double> HeldOut => Lines.Where(l => l["held_out_loss"] is not null).Select(l => l["held_out_loss"]!.GetValue<double>());

    public int Steps => StepLines.Max(l => l["step"]!.GetValue<int>());

    public double Tokens => StepLines.Sum(l => l["tokens"]!.GetValue<double>());

    public double Seconds => StepLines.Sum(l => l["seconds"]!.GetValue<double>());

    public double FirstHeldOut => HeldOut.First();

    public double LastHeldOut => HeldOut.Last();

    public string Threads => "one to two cores of a server (AMD EPYC, Zen 5)";

    public long Numbers => new FileInfo(Path.Combine(Settings["out"]!.GetValue<string>(), "adapter_model.safetensors")) is { Exists: true } file ? Count(file) : 0;

    public string Setting(string name) => Settings[name]!.ToString();

    // The numbers of a safetensors file: the product of each shape.
    private static long Count(FileInfo file)
    {
        using BinaryReader reader = new(file.OpenRead());
        JsonObject header = JsonNode.Parse(reader.ReadBytes((int)reader.ReadInt64()))!.AsObject();
        return header.Where(t => t.Key != "__metadata__").Sum(t => t.Value!["shape"]!.AsArray().Aggregate(1L, (n, d) => n * d!.GetValue<long>()));
    }
}
