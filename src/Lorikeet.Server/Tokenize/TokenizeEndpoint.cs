using System.Collections.Frozen;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary><c>POST /tokenize</c>, <c>POST /detokenize</c>, <c>GET /tokenizer_info</c>.</summary>
internal sealed class TokenizeEndpoint(GenerationServices services)
{
    private static readonly string[] ModelNames = ["model", "adapters", "adapter", "adapter_id", "lora", "merged_adapters", "adapter_source", "api_token"];

    public static FrozenSet<string> Names { get; } = ModelNames.Concat(ChatPrompt.Names).Concat(["prompt", "return_token_strs"]).ToFrozenSet(StringComparer.Ordinal);

    public static FrozenSet<string> DetokenizeNames { get; } = ModelNames.Append("tokens").ToFrozenSet(StringComparer.Ordinal);

    public async Task TokenizeAsync(HttpContext http, Caller caller)
    {
        using JsonDocument document = await RequestBody.ReadAsync(http, services.Options.Limits);
        Fields body = new(document.RootElement);
        services.Known.Check(body, Names);
        (_, AdapterBinding adapter) = await services.Models.ReadAsync(body, caller, http.RequestAborted);
        int[] ids;
        if (body.Has("messages"))
        {
            if (body.Has("prompt"))
            {
                throw ApiException.Value("prompt", "prompt and messages do not go together");
            }
            ToolPlan tools = ToolPlan.Read(body, services.Options.Limits);
            (ids, _, _) = services.ChatPrompt.Read(body, adapter, tools.ForTemplate, http.RequestAborted);
        }
        else
        {
            string prompt = body.Text("prompt") ?? throw body.Absent("prompt", "a string, or messages");
            ids = services.Tokenizer.Encode(prompt, body.Flag("add_special_tokens") ?? true);
        }
        bool texts = body.Flag("return_token_strs") ?? false;
        await JsonText.WriteAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("count", ids.Length);
            json.WriteNumber("max_model_len", services.Context);
            TokenList.Write(json, "tokens", ids);
            if (texts)
            {
                json.WriteStartArray("token_strs");
                foreach (int id in ids)
                {
                    json.WriteStringValue(TokenBytes.Text(services.Tokenizer, id) ?? "");
                }
                json.WriteEndArray();
            }
            else
            {
                json.WriteNull("token_strs");
            }
            json.WriteEndObject();
        });
    }

    public async Task DetokenizeAsync(HttpContext http, Caller caller)
    {
        using JsonDocument document = await RequestBody.ReadAsync(http, services.Options.Limits);
        Fields body = new(document.RootElement);
        services.Known.Check(body, DetokenizeNames);
        _ = await services.Models.ReadAsync(body, caller, http.RequestAborted);
        JsonElement tokens = body.Array("tokens") ?? throw body.Absent("tokens", "an array of token ids");
        int[] ids = Fields.Integers(tokens, "tokens", 0, services.Vocabulary - 1);
        await JsonText.WriteAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteString("prompt", services.Tokenizer.Decode(ids, skipSpecialTokens: false));
            json.WriteEndObject();
        });
    }

    public async Task InfoAsync(HttpContext http, Caller caller)
    {
        string? template = null;
        try
        {
            template = services.ChatPrompt.BaseTemplate;
        }
        catch (ApiException)
        {
            // A model without a template has a tokenizer all the same.
            template = null;
        }
        await JsonText.WriteAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteString("tokenizer_class", services.Tokenizer.GetType().Name);
            json.WriteNumber("vocab_size", services.Tokenizer.VocabularySize);
            json.WriteString("chat_template", template);
            json.WriteEndObject();
        });
    }
}
