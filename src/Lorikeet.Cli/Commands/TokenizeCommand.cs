using System.CommandLine;
using System.Globalization;
using System.Text;
using Lorikeet.Cli.Tokenize;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet tokenize</c>: shows a text as tokens, ids as text, how fast that is; <c>tokenize train</c> learns a vocabulary.</summary>
internal static class TokenizeCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        Argument<string?> file = new("FILE") { Description = "A text in UTF-8; - reads standard input", Arity = ArgumentArity.ZeroOrOne };
        // Not required by the parser: the subcommand has none.
        Option<string?> model = new("--model", "-m") { Description = "A model folder, org/name in the Hugging Face cache, a tokenizer.json, or byte", HelpName = "FOLDER" };
        Option<string?> text = new("--text", "-t") { Description = "The text, instead of a file" };
        Option<string?> pair = new("--pair") { Description = "A second text: the two are encoded as a pair" };
        Option<bool> plain = new("--no-special") { Description = "Do not add the template's tokens; decoding leaves special tokens out" };
        Option<bool> decode = new("--decode") { Description = "The input is ids, separated by spaces, commas or lines; print their text" };
        Option<bool> json = new("--json") { Description = "One JSON object instead of a table" };
        Option<bool> bench = new("--bench") { Description = "Measure how fast the text is encoded and decoded, on one core and on all" };
        Command command = new(
            "tokenize",
            "Shows a text as a model sees it: ids, tokens and where each comes from; or ids as text.\n\n" +
            "Examples:\n" +
            "  lorikeet tokenize --model models/smollm2 --text \"What am I made of?\"\n" +
            "  lorikeet tokenize --model models/smollm2 notes.txt --json\n" +
            "  lorikeet tokenize --model models/smollm2 --decode --text \"504 2298\"\n" +
            "  lorikeet tokenize --model models/smollm2 --bench book.txt\n" +
            "  lorikeet tokenize train --vocab 4096 --out mine book.txt")
        {
            file, model, text, pair, plain, decode, json, bench,
        };
        command.Subcommands.Add(TokenizeTrainCommand.Create());
        command.SetAction((parsed, stop) => Task.Run(() => Run(parsed, stop), CancellationToken.None));
        return command;

        int Run(ParseResult parsed, CancellationToken stop)
        {
            string name = parsed.GetValue(model) ?? throw new UsageException("--model is missing: a model folder, a tokenizer.json, or byte");
            Tokenizer tokenizer = Load(name);
            string input = Input(parsed.GetValue(text), parsed.GetValue(file));
            if (parsed.GetValue(bench))
            {
                return TokenizeBench.Run(tokenizer, input, stop);
            }
            bool special = !parsed.GetValue(plain);
            if (parsed.GetValue(decode))
            {
                string decoded = tokenizer.Decode(Ids(input), skipSpecialTokens: !special);
                Console.Out.WriteLine(parsed.GetValue(json) ? TokenTable.DecodedJson(decoded) : decoded);
                return 0;
            }
            EncodedText encoded = tokenizer.EncodeFull(input, parsed.GetValue(pair), special);
            Console.Out.Write(parsed.GetValue(json) ? TokenTable.Json(encoded) : TokenTable.Text(encoded, input, parsed.GetValue(pair)));
            return 0;
        }
    }

    private static Tokenizer Load(string name) =>
        name == "byte" ? new ByteTokenizer()
        : File.Exists(name) ? Tokenizer.Load(name)
        : Tokenizer.Load(ModelLocation.Resolve(name));

    private static string Input(string? text, string? file)
    {
        if (text is not null)
        {
            return file is null ? text : throw new UsageException("--text and a file are two texts; give one of them (--pair takes a second one)");
        }
        if (file is null)
        {
            throw new UsageException("there is no text: give --text, a file, or - for standard input");
        }
        try
        {
            using Stream stream = file == "-" ? Console.OpenStandardInput() : File.OpenRead(file);
            using StreamReader reader = new(stream, new UTF8Encoding(false, throwOnInvalidBytes: true));
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException e)
        {
            throw new BadFileException($"{file} is not UTF-8: {e.Message}", e);
        }
    }

    private static int[] Ids(string input)
    {
        List<int> ids = [];
        foreach (string part in input.Split([' ', ',', '\n', '\r', '\t', '[', ']'], StringSplitOptions.RemoveEmptyEntries))
        {
            ids.Add(int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int id) ? id : throw new UsageException($"'{part}' is no token id"));
        }
        return [.. ids];
    }
}
