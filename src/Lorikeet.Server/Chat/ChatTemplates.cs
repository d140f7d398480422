using System.Collections.Concurrent;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Server;

/// <summary>The chat templates of the base and of adapters that bring their own, parsed once.</summary>
internal sealed class ChatTemplates(ChatTemplateSet set, ServerLimits limits)
{
    private const int MostKept = 256;
    private readonly ConcurrentDictionary<string, ChatTemplate?> kept = new(StringComparer.Ordinal);

    /// <summary>What a template may use.</summary>
    public TemplateLimits Limits { get; } = new()
    {
        Steps = limits.TemplateSteps,
        ValueSize = limits.TemplateOutput,
        TotalSize = 8L * limits.TemplateOutput,
        CallDepth = limits.TemplateDepth,
    };

    /// <summary>The template for a request: its own where that is allowed, the adapter's, the base's.</summary>
    /// <exception cref="ApiException">400: there is none, or it is none.</exception>
    public ChatTemplate Choose(AdapterBinding adapter, bool tools, string? own)
    {
        try
        {
            if (own is not null)
            {
                return own.Length <= limits.TemplateBytes
                    ? kept.Count < MostKept ? kept.GetOrAdd("request:" + own, _ => ChatTemplate.Parse(own, null, "chat_template"))! : ChatTemplate.Parse(own, null, "chat_template")
                    : throw ApiException.Bad("chat_template", "template_limit", $"the chat template has {own.Length} characters; the limit is {limits.TemplateBytes}");
            }
            if (adapter.Single is { } single && OfAdapter(single.Version) is { } template)
            {
                return template;
            }
            return kept.GetOrAdd(tools ? "base+tools" : "base", _ => set.Choose(null, tools))!;
        }
        catch (TemplateException e)
        {
            throw Refusal(e);
        }
        catch (BadFileException)
        {
            throw ApiException.Value("messages", "the model has no chat template; use /v1/completions, or send chat_template where the operator allows it");
        }
    }

    /// <summary>A template's failure as an answer.</summary>
    public static ApiException Refusal(TemplateException e) =>
        e.Kind == TemplateErrorKind.Limit ? ApiException.Bad("messages", "template_limit", e.Message) : ApiException.Value("messages", e.Message);

    private ChatTemplate? OfAdapter(StoredVersion version)
    {
        if (kept.TryGetValue(version.Id, out ChatTemplate? known))
        {
            return known;
        }
        string path = Path.Combine(version.Folder, AdapterFiles.Template);
        ChatTemplate? template = File.Exists(path) ? set.With(path) : null;
        // Versions come and go with uploads; what is parsed again costs little. Equal files of two tenants are parsed twice: time tells nobody what others have.
        if (kept.Count >= MostKept)
        {
            kept.Clear();
        }
        kept[version.Id] = template;
        return template;
    }
}
