using System.Collections.Frozen;
using System.Globalization;

namespace Lorikeet.Server;

/// <summary>The JSON schemas of fields and query parameters; null is the same as absent for all that is optional.</summary>
internal static class OpenApiFields
{
    private const string Any = "{}", Text = """{"type":["string","null"]}""", Flag = """{"type":["boolean","null"]}""", Object = """{"type":["object","null"]}""", List = """{"type":["array","null"]}""";
    private const string Texts = """{"type":["array","null"],"items":{"type":"string"}}""", Ids = """{"type":["array","null"],"items":{"type":"integer","minimum":0}}""";
    private const string Prompts = """{"oneOf":[{"type":"string","minLength":1},{"type":"array","minItems":1,"items":{"oneOf":[{"type":"string","minLength":1},{"type":"integer","minimum":0},{"type":"array","items":{"type":"integer","minimum":0}}]}}]}""";

    private static readonly FrozenDictionary<string, string> All = new Dictionary<string, string>
    {
        ["model"] = Text,
        ["messages"] = """{"type":"array","minItems":1,"items":{"$ref":"#/components/schemas/Message"}}""",
        ["prompt"] = Prompts,
        ["input"] = Prompts,
        [PromptEmbeds.Field] = """{"oneOf":[{"type":["string","null"],"contentEncoding":"base64","description":"A safetensors file with one tensor prompt_embeds [tokens, hidden] of F32, F16 or BF16; offered where the server was started with --enable-prompt-embeds"},{"type":"array","minItems":1,"items":{"type":"string","contentEncoding":"base64"}}]}""",
        ["tokens"] = """{"type":"array","items":{"type":"integer","minimum":0}}""",
        ["n"] = Integer(1, 128),
        ["best_of"] = Integer(0, 20),
        ["max_tokens"] = Integer(0),
        ["max_completion_tokens"] = Integer(1),
        ["max_output_tokens"] = Integer(1),
        ["min_tokens"] = Integer(0),
        ["temperature"] = Number(0, 2),
        ["top_p"] = Number(0, 1),
        ["min_p"] = Number(0, 1),
        ["top_k"] = Integer(-1),
        ["frequency_penalty"] = Number(-2, 2),
        ["presence_penalty"] = Number(-2, 2),
        ["repetition_penalty"] = """{"type":["number","null"],"exclusiveMinimum":0}""",
        ["length_penalty"] = """{"type":["number","null"]}""",
        ["seed"] = """{"type":["integer","null"],"format":"int64"}""",
        ["stop"] = """{"oneOf":[{"type":["string","null"]},{"type":"array","items":{"type":"string"}}]}""",
        ["stop_token_ids"] = Ids,
        ["allowed_token_ids"] = Ids,
        ["bad_words"] = Texts,
        ["guided_choice"] = Texts,
        ["modalities"] = Texts,
        ["include"] = Texts,
        ["logit_bias"] = """{"type":["object","null"],"additionalProperties":{"type":"number","minimum":-100,"maximum":100}}""",
        ["logprobs"] = Flag,
        ["top_logprobs"] = Integer(0, 20),
        ["prompt_logprobs"] = Integer(0, 20),
        ["dimensions"] = Integer(1),
        ["encoding_format"] = """{"enum":["float","base64",null]}""",
        ["truncate_prompt_tokens"] = Integer(-1),
        ["truncation_side"] = """{"enum":["left","right",null]}""",
        ["truncation"] = """{"enum":["disabled",null]}""",
        ["stream_interval"] = Integer(1),
        ["stream_options"] = """{"type":["object","null"],"properties":{"include_usage":{"type":["boolean","null"]},"continuous_usage_stats":{"type":["boolean","null"]},"include_obfuscation":{"type":["boolean","null"]}}}""",
        ["response_format"] = """{"type":["object","null"],"required":["type"],"properties":{"type":{"enum":["text","json_object","json_schema"]},"json_schema":{"type":"object"}}}""",
        ["text"] = """{"type":["object","null"],"properties":{"format":{"type":["object","null"],"required":["type"],"properties":{"type":{"enum":["text","json_object","json_schema"]}}}}}""",
        ["structured_outputs"] = """{"type":["object","null"],"minProperties":1,"properties":{"json":{},"regex":{"type":"string"},"choice":{"type":"array"},"grammar":{"type":"string"},"json_object":{"type":"boolean"}}}""",
        ["tools"] = """{"type":["array","null"],"items":{"type":"object","required":["type"]}}""",
        ["tool_choice"] = """{"oneOf":[{"enum":["none","auto","required",null]},{"type":"object"}]}""",
        ["functions"] = List,
        ["function_call"] = """{"oneOf":[{"enum":["none","auto",null]},{"type":"object"}]}""",
        ["reasoning_effort"] = """{"enum":["none","minimal","low","medium","high","xhigh","max",null]}""",
        ["reasoning"] = Object,
        ["metadata"] = """{"type":["object","null"],"maxProperties":16,"additionalProperties":{"type":"string","maxLength":512}}""",
        ["cache_salt"] = """{"type":["string","null"],"minLength":1,"maxLength":1024}""",
        ["documents"] = List,
        ["chat_template_kwargs"] = Object,
        ["adapters"] = """{"type":["array","null"],"items":{"type":"object","required":["name","weight"],"properties":{"name":{"type":"string"},"weight":{"type":"number","minimum":-8,"maximum":8}}}}""",
        ["adapter"] = """{"oneOf":[{"type":["string","null"]},{"type":"object","required":["generation"],"properties":{"generation":{"type":"string"}}}]}""",
        ["lora"] = """{"type":["array","null"],"items":{"type":"object","required":["id"],"properties":{"id":{"type":["string","integer"]},"scale":{"type":"number"}}}}""",
        ["merged_adapters"] = """{"type":["object","null"],"required":["ids"],"properties":{"ids":{"type":"array","items":{"type":"string"}},"weights":{"type":"array","items":{"type":"number"}},"merge_strategy":{"enum":["linear"]}}}""",
        ["scopes"] = """{"type":["array","null"],"items":{"enum":["infer","manage","admin","metrics"]}}""",
        ["expires"] = """{"type":["integer","null"],"format":"int64"}""",
        ["limits"] = """{"$ref":"#/components/schemas/Limits"}""",
        ["to"] = """{"type":["integer","string","null"]}""",
        ["expected_version"] = """{"type":["integer","string","null"]}""",
        ["scale"] = Number(-100, 100),
        ["lora_int_id"] = """{"type":["integer","null"]}""",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    // What other routes mean by the same name.
    private static readonly FrozenDictionary<(string Path, string Field), string> Special = new Dictionary<(string, string), string>
    {
        [("/v1/completions", "logprobs")] = Integer(0, 20),
        [("/v1/completions/render", "logprobs")] = Integer(0, 20),
        [("/tokenize", "prompt")] = Text,
        [("/v1/tokenize", "prompt")] = Text,
        [("/v1/responses", "input")] = """{"oneOf":[{"type":"string","minLength":1},{"type":"array","minItems":1,"items":{"type":"object"}}]}""",
        [("/lorikeet/v1/keys", "adapters")] = Texts,
    }.ToFrozenDictionary();

    private static readonly FrozenSet<string> Flags = new[]
    {
        "stream", "ignore_eos", "include_stop_str_in_output", "skip_special_tokens", "spaces_between_special_tokens", "echo", "add_generation_prompt", "continue_final_message", "add_special_tokens",
        "parallel_tool_calls", "store", "return_token_ids", "return_tokens_as_token_ids", "use_beam_search", "normalize", "return_token_strs", "load_inplace", "pinned", "is_3d_lora_weight", "remove",
        "background", "include_reasoning",
    }.ToFrozenSet(StringComparer.Ordinal);

    private static readonly FrozenSet<string> Words = new[]
    {
        "user", "safety_identifier", "prompt_cache_key", "service_tier", "request_id", "session_id", "chat_template", "guided_regex", "guided_grammar", "adapter_id", "instructions", "tenant", "label",
        "alias", "lora_name", "lora_path", "base_model_name",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The schema of a field of a route.</summary>
    public static string Of(string path, string field) =>
        Special.TryGetValue((path, field), out string? special) ? special
        : All.TryGetValue(field, out string? known) ? known
        : Flags.Contains(field) ? Flag
        : Words.Contains(field) ? Text
        : Any;

    /// <summary>The schema of a query parameter.</summary>
    public static string OfQuery(string name) => name switch
    {
        "limit" => """{"type":"integer","minimum":1,"maximum":1000}""",
        "from" or "rows" => """{"type":"integer","minimum":0}""",
        "wait" or "down" => """{"type":"boolean"}""",
        _ => """{"type":"string"}""",
    };

    /// <summary>The fields that a route cannot do without.</summary>
    public static IReadOnlyList<string> Required(string path) => path switch
    {
        "/v1/chat/completions" or "/v1/chat/completions/render" => ["messages"],
        "/v1/completions/render" => ["prompt"],
        "/v1/responses" => ["input"],
        "/detokenize" or "/v1/detokenize" => ["tokens"],
        "/v1/load_lora_adapter" => ["lora_name", "lora_path"],
        "/v1/unload_lora_adapter" => ["lora_name"],
        "/lorikeet/v1/adapters/{name}/alias" => ["alias"],
        _ => [],
    };

    /// <summary>Fields of which a route needs one; none: it has no such choice.</summary>
    public static IReadOnlyList<string> OneOf(string path) => path == "/v1/completions" ? ["prompt", PromptEmbeds.Field] : [];

    private static string Integer(long least, long? most = null) =>
        string.Create(CultureInfo.InvariantCulture, $$"""{"type":["integer","null"],"minimum":{{least}}{{(most is { } m ? $",\"maximum\":{m}" : "")}}}""");

    private static string Number(double least, double most) => string.Create(CultureInfo.InvariantCulture, $$"""{"type":["number","null"],"minimum":{{least}},"maximum":{{most}}}""");
}
