using System.CommandLine;
using Lorikeet.Models.Text;
using Lorikeet.Training;

namespace Lorikeet.Cli.Commands;

/// <summary>The options that say what a data file's fields stand for; the same for training and evaluation.</summary>
internal sealed class DataFlags
{
    public Option<string?> Separator { get; } = new("--separator") { Description = "What stands between two documents of a plain text (\\n is a line break); default: a file is one document" };

    public Option<string?> Columns { get; } = new("--columns") { Description = "Names of the columns of a .csv or .tsv file whose first row is data: a,b,c" };

    public Option<string?> Prompt { get; } = new("--prompt-field") { Description = "The field that is read; default: prompt" };

    public Option<string?> Completion { get; } = new("--completion-field") { Description = "The field that is learnt; default: completion, or the last field of --template" };

    public Option<string?> Text { get; } = new("--text-field") { Description = "The field of a whole text; default: text" };

    public Option<string?> Label { get; } = new("--label-field") { Description = "With --task classify: the field of the class; default: label" };

    public Option<string?> Template { get; } = new("--template")
    {
        Description = "Text with fields in braces, \"{question}\\n{answer}\": what stands before the completion's field is read, the rest learnt",
    };

    /// <summary>All of them.</summary>
    public IReadOnlyList<Option> All => [Separator, Columns, Prompt, Completion, Text, Label, Template];

    /// <summary>Adds all options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in All)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What they say.</summary>
    public DataOptions Read(ParseResult parsed, DataTask task = DataTask.Text)
    {
        DataOptions options = new()
        {
            Task = task,
            Separator = Unescaped(parsed.GetValue(Separator)),
            Columns = parsed.GetValue(Columns)?.Split(','),
            PromptField = parsed.GetValue(Prompt),
            CompletionField = parsed.GetValue(Completion),
            TextField = parsed.GetValue(Text),
            LabelField = parsed.GetValue(Label),
            Template = Unescaped(parsed.GetValue(Template)),
        };
        try
        {
            options.Check();
            return options;
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }
    }

    /// <summary>The chat template that comes with a tokenizer, or null.</summary>
    public static ChatTemplate? TemplateOf(Tokenizer tokenizer)
    {
        ChatTemplateSet set = ChatTemplateSet.Of(tokenizer);
        return set.Names.Count > 0 ? set.Choose() : null;
    }

    private static string? Unescaped(string? text) => text?.Replace("\\n", "\n", StringComparison.Ordinal).Replace("\\t", "\t", StringComparison.Ordinal);
}
