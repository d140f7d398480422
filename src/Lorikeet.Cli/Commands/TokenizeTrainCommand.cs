using System.CommandLine;
using Lorikeet.Models.Text;
using Lorikeet.Training;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet tokenize train</c>: learns a byte-level BPE vocabulary, as <c>pretrain --tokenizer bpe:N</c> does.</summary>
internal static class TokenizeTrainCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        BpeTrainerOptions defaults = new();
        Argument<string[]> files = new("FILE") { Description = "Texts, or .jsonl as for train", Arity = ArgumentArity.OneOrMore };
        Option<string> output = new("--out", "-o") { Description = "A new folder for tokenizer.json and tokenizer_config.json", Required = true, HelpName = "FOLDER" };
        Option<int> size = new("--vocab") { Description = "How many tokens, special ones and the 256 bytes included", DefaultValueFactory = _ => defaults.VocabularySize };
        Option<long> least = new("--min-frequency") { Description = "How often a pair must occur to be merged", DefaultValueFactory = _ => defaults.MinimumFrequency };
        Option<string> pattern = new("--pattern") { Description = "What cuts a text into words: gpt2, llama3 or a regular expression", DefaultValueFactory = _ => "gpt2" };
        Option<string[]> special = new("--special") { Description = "A special token; the first ids are theirs, the last one ends a text", DefaultValueFactory = _ => [.. defaults.SpecialTokens] };
        Option<string?> separator = new("--separator") { Description = "What stands between two documents of a plain text (\\n is a line break)" };
        Command command = new(
            "train",
            "Learns a byte-level BPE vocabulary from texts; equal to Hugging Face's trainer, merge for merge.\n\n" +
            "Examples:\n" +
            "  lorikeet tokenize train --vocab 4096 --out mine book.txt\n" +
            "  lorikeet tokenize train --vocab 8192 --pattern llama3 --special \"<|user|>\" --special \"<|end|>\" --out mine a.txt b.jsonl")
        {
            files, output, size, least, pattern, special, separator,
        };
        command.SetAction(parsed =>
        {
            string folder = parsed.GetValue(output)!;
            if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            {
                throw new UsageException($"{folder} is not empty; give a new folder");
            }
            if (parsed.GetValue(size) is < 1 or > 1 << 20)
            {
                throw new UsageException("--vocab must be from 1 to 1048576");
            }
            string? between = parsed.GetValue(separator)?.Replace("\\n", "\n", StringComparison.Ordinal);
            IEnumerable<string> texts = parsed.GetValue(files)!.SelectMany(path => DataFile.Read(path, new DataOptions { Separator = between })).SelectMany(r => r.Parts).Select(p => p.Text);
            BpeTokenizer tokenizer = BpeTrainer.Train(texts, new BpeTrainerOptions
            {
                VocabularySize = parsed.GetValue(size),
                MinimumFrequency = parsed.GetValue(least),
                SpecialTokens = parsed.GetValue(special)!,
                Pattern = parsed.GetValue(pattern) switch { "gpt2" => BpeTrainerOptions.Gpt2Pattern, "llama3" => BpeTrainerOptions.Llama3Pattern, var other => other! },
            });
            Directory.CreateDirectory(folder);
            tokenizer.Save(folder);
            Console.WriteLine($"wrote {folder}: {tokenizer.VocabularySize:N0} tokens, {tokenizer.Merges.Count:N0} merges");
            return 0;
        });
        return command;
    }
}
