using System.Text.Json;
using Lorikeet.Models.Text;

namespace Lorikeet.Server;

/// <summary>Lays a conversation out by its template and turns it into tokens.</summary>
internal sealed class ChatPrompt(ChatTemplates templates, Tokenizer tokenizer, ServerOptions options)
{
    /// <summary>The fields that shape the prompt.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["messages", "tools", "add_generation_prompt", "continue_final_message", "add_special_tokens", "documents", "chat_template", "chat_template_kwargs", "reasoning_effort"];

    /// <summary>The base's template.</summary>
    public string BaseTemplate => templates.Choose(AdapterBinding.Base, tools: false, own: null).Source;

    /// <summary>The prompt of a request.</summary>
    /// <returns>The tokens; the template's source; the last message's text where the answer goes on with it and the request wants it back.</returns>
    public (int[] Ids, ChatTemplate Template, string? Continued) Read(in Fields body, AdapterBinding adapter, JsonElement? tools, CancellationToken stop)
    {
        string? own = body.Text("chat_template");
        if (own is not null && !options.RequestTemplates)
        {
            throw ApiException.Unsupported("chat_template", "templates of requests are not allowed here");
        }
        ChatTemplate template = templates.Choose(adapter, tools is not null, own);
        JsonElement messages = ChatMessages.Read(body, options.Limits, template.Source.Contains("developer", StringComparison.Ordinal));
        bool? generation = body.Flag("add_generation_prompt");
        bool goesOn = body.Flag("continue_final_message") ?? false;
        if (goesOn && generation == true)
        {
            throw ApiException.Value("continue_final_message", "continue_final_message and add_generation_prompt do not go together");
        }
        ChatRequest request = new()
        {
            Messages = messages,
            Tools = tools,
            Documents = body.Array("documents"),
            AddGenerationPrompt = !goesOn && (generation ?? true),
            ContinueFinalMessage = goesOn ? "content" : null,
            Variables = Variables(body),
            Limits = templates.Limits,
        };
        string text;
        try
        {
            text = template.Render(request, stop).Text;
        }
        catch (TemplateException e)
        {
            throw ChatTemplates.Refusal(e);
        }
        string? last = goesOn && (body.Flag("echo") ?? false) ? messages[messages.GetArrayLength() - 1].GetProperty("content").GetString() : null;
        return (tokenizer.Encode(text, body.Flag("add_special_tokens") ?? false), template, last);
    }

    private static Dictionary<string, JsonElement> Variables(in Fields body)
    {
        Dictionary<string, JsonElement> variables = [];
        if (body.Text("reasoning_effort") is { } effort)
        {
            if (effort is not ("none" or "minimal" or "low" or "medium" or "high" or "xhigh" or "max"))
            {
                throw ApiException.Value("reasoning_effort", "reasoning_effort is none, minimal, low, medium, high, xhigh or max");
            }
            variables["reasoning_effort"] = JsonText.Element(json => json.WriteStringValue(effort));
        }
        if (body.Object("chat_template_kwargs") is { } more)
        {
            foreach (JsonProperty variable in more.Element.EnumerateObject())
            {
                variables[variable.Name] = variable.Value;
            }
        }
        return variables;
    }
}
