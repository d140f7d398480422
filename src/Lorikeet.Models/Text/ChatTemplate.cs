using Lorikeet.Models.Text.Templates;

namespace Lorikeet.Models.Text;

/// <summary>
/// Lays a conversation out as one text, by a template in the language of Jinja 3.1, as <c>apply_chat_template</c> of Transformers does.
/// Templates come with downloaded models and are programs: they reach nothing but the conversation, and <see cref="TemplateLimits"/> bound
/// what they use. Instances are immutable and may be used by many threads at once.
/// </summary>
public sealed class ChatTemplate
{
    private readonly ParsedTemplate parsed;
    private readonly IReadOnlyList<KeyValuePair<string, Value>> tokens;

    private ChatTemplate(string source, string name, ParsedTemplate parsed, IReadOnlyList<KeyValuePair<string, Value>> tokens)
    {
        Source = source;
        Name = name;
        this.parsed = parsed;
        this.tokens = tokens;
    }

    /// <summary>The template as it was given.</summary>
    public string Source { get; }

    /// <summary>What messages call it.</summary>
    public string Name { get; }

    /// <summary>Whether it marks what the assistant says with <c>generation</c> blocks.</summary>
    public bool MarksAssistant => parsed.Generates;

    /// <summary>Reads a template.</summary>
    /// <param name="source">The template.</param>
    /// <param name="specialTokens">Variables such as <c>bos_token</c>; null: none.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="limits">The limits of its source; null: the default ones.</param>
    /// <exception cref="TemplateException">It is no template.</exception>
    public static ChatTemplate Parse(string source, IReadOnlyDictionary<string, string>? specialTokens = null, string name = "chat template", TemplateLimits? limits = null) =>
        Parse(source, [.. (specialTokens ?? new Dictionary<string, string>()).Select(t => KeyValuePair.Create(t.Key, (Value)new StringValue(t.Value)))], name, limits);

    internal static ChatTemplate Parse(string source, IReadOnlyList<KeyValuePair<string, Value>> tokens, string name, TemplateLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        int most = (limits ?? TemplateLimits.Default).SourceCharacters;
        if (source.Length > most)
        {
            throw new TemplateException(TemplateErrorKind.Limit, $"{name} has {source.Length} characters; at most {most} are read");
        }
        try
        {
            return new ChatTemplate(source, name, Parser.Read(source), tokens);
        }
        catch (TemplateException e)
        {
            throw new TemplateException(e.Kind, e.Reason, Math.Max(1, e.Line), name);
        }
    }

    /// <summary>Lays a conversation out.</summary>
    /// <param name="request">The conversation.</param>
    /// <param name="stop">Stops a long run.</param>
    /// <exception cref="TemplateException">The template refuses the conversation, or fails, or uses too much; or the conversation is no conversation.</exception>
    public RenderedChat Render(ChatRequest request, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        Conversation conversation = Conversation.Read(request, Source);
        Interpreter run = new(parsed, Name, new Globals(request.Clock.GetLocalNow().DateTime), request.Limits, stop);
        foreach ((string variable, Value value) in conversation.Variables(tokens))
        {
            run.Root.Set(variable, value);
        }
        try
        {
            string text = run.Run();
            return new RenderedChat(conversation.Cut(text), run.Generations);
        }
        catch (InsufficientExecutionStackException e)
        {
            throw new TemplateException($"{Name}: values or expressions are nested too deeply", e);
        }
    }
}
