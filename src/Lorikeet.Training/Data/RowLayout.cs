using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Training;

/// <summary>What a row's fields become: a document with what is learnt of it.</summary>
internal sealed class RowLayout
{
    /// <summary>The field of a whole text, unless another is named.</summary>
    public const string Text = "text";

    /// <summary>The field of a class, unless another is named.</summary>
    public const string Label = "label";

    private const string Prompt = "prompt", Completion = "completion", Messages = "messages", Chosen = "chosen", Rejected = "rejected";

    private readonly DataOptions options;
    private readonly ConversationLayout conversations;
    private readonly RowTemplate? template;
    private readonly string? learnt;

    /// <param name="options">What the fields stand for.</param>
    /// <param name="chat">The model's chat template, or null.</param>
    public RowLayout(DataOptions options, ChatTemplate? chat)
    {
        options.Check();
        this.options = options;
        conversations = new ConversationLayout(chat);
        template = options.Template is { } given ? new RowTemplate(given) : null;
        learnt = options.CompletionField ?? template?.Fields[^1];
        if (template is not null && options.Task == DataTask.Text && !template.Fields.Contains(learnt))
        {
            throw new ArgumentException($"the template has no field {{{learnt}}}, which --completion-field names; it has {string.Join(", ", template.Fields.Select(f => $"{{{f}}}"))}");
        }
    }

    /// <summary>The document of a row.</summary>
    /// <exception cref="BadFileException">The row lacks what it needs.</exception>
    public DataRecord Lay(DataRow row) => options.Task switch
    {
        DataTask.Classify => Classified(row),
        DataTask.Prefer => Pair(row),
        _ => Foretold(row),
    } with
    { Where = row.Where };

    private DataRecord Foretold(DataRow row)
    {
        if (template is not null)
        {
            (string before, string from) = template.Fill(row, learnt);
            return Exchange(before, from);
        }
        if (options.TextField is { } whole)
        {
            return new DataRecord([new TextPart(row.Text(whole), true)], true);
        }
        if (options.PromptField is not null || options.CompletionField is not null)
        {
            return Exchange(row.Text(options.PromptField ?? Prompt), row.Text(options.CompletionField ?? Completion));
        }
        if (row.Has(Messages))
        {
            return new DataRecord(conversations.Lay(row.Value(Messages), Optional(row, "tools"), row.Where, out bool complete), false) { Complete = complete };
        }
        if (row.Has(Prompt) || row.Has(Completion))
        {
            return Exchange(row.String(Prompt), row.String(Completion));
        }
        return row.Has(Text)
            ? new DataRecord([new TextPart(row.String(Text), true)], true)
            : throw new BadFileException($"{row.Where} has no field \"{Text}\" (found: {row.Found}); expected text, prompt and completion, or messages, or name the fields with --template or --prompt-field and --completion-field.");
    }

    private DataRecord Classified(DataRow row) =>
        new([new TextPart(template?.Fill(row) ?? row.Text(options.TextField ?? options.PromptField ?? Text), false)], false) { Label = row.Text(options.LabelField ?? Label) };

    private DataRecord Pair(DataRow row)
    {
        if (row.Value(Chosen).ValueKind == JsonValueKind.Array)
        {
            IReadOnlyList<TextPart> chosen = conversations.Lay(Joined(row, Chosen), Optional(row, "tools"), row.Where, out bool complete);
            return new DataRecord(Last(chosen), false) { Rejected = Last(conversations.Lay(Joined(row, Rejected), Optional(row, "tools"), row.Where, out _)), Complete = complete };
        }
        string prompt = template?.Fill(row) ?? row.Text(options.PromptField ?? Prompt);
        return Exchange(prompt, row.Text(Chosen)) with { Rejected = [new TextPart(prompt, false), new TextPart(row.Text(Rejected), true)] };
    }

    private static DataRecord Exchange(string prompt, string completion) => new([new TextPart(prompt, false), new TextPart(completion, true)], false);

    /// <summary>Of a conversation's answers only the last is compared.</summary>
    private static List<TextPart> Last(IReadOnlyList<TextPart> parts)
    {
        List<TextPart> kept = [.. parts];
        int last = kept.FindLastIndex(p => p.Learn);
        for (int i = 0; i < last; i++)
        {
            kept[i] = kept[i] with { Learn = false };
        }
        return kept;
    }

    /// <summary>A prompt's messages and an answer's, in one list.</summary>
    private static JsonElement Joined(DataRow row, string answer)
    {
        JsonElement own = row.Value(answer);
        if (own.ValueKind != JsonValueKind.Array || !row.Has(Prompt))
        {
            return own;
        }
        JsonElement prompt = row.Value(Prompt);
        string before = prompt.ValueKind == JsonValueKind.Array ? prompt.GetRawText()[1..^1].Trim() : $"{{\"role\": \"user\", \"content\": {prompt.GetRawText()}}}";
        string after = own.GetRawText()[1..^1].Trim();
        using JsonDocument both = JsonDocument.Parse($"[{before}{(before.Length > 0 && after.Length > 0 ? "," : "")}{after}]");
        return both.RootElement.Clone();
    }

    private static JsonElement? Optional(DataRow row, string name) => row.Has(name) ? row.Value(name) : null;
}
