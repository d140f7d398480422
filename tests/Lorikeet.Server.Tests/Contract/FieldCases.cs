namespace Lorikeet.Server.Tests.Contract;

/// <summary>The table of the contract's fields: each row is a test that is named after its field.</summary>
public static class FieldCases
{
    private const string Tools = "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]";
    private const string FunctionTool = "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"type\":\"object\",\"properties\":{}},\"strict\":true}}";

    public static IReadOnlyList<FieldCase> Chat { get; } =
    [
        new("5.1", "model", ["null", "\"\"", "\"tiny\"", "\"base\""], ["1", "[]", "{}"]),
        new("5.1", "messages", ["[{\"role\":\"user\",\"content\":\"a\"}]", "[{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]},{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"no\"}]}]"],
            ["null", "[]", "{}", "\"a\"", "[1]", "[{}]", "[{\"role\":\"king\",\"content\":\"a\"}]", "[{\"role\":\"user\"}]", "[{\"role\":\"user\",\"content\":1}]",
                "[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]}]", "[{\"role\":\"tool\",\"content\":\"a\"}]",
                "[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}]"]),
        new("5.1", "max_completion_tokens", ["null", "1", "4"], ["0", "-1", "\"4\"", "1.5", "true"]),
        new("5.1", "max_tokens", ["null", "1", "4"], ["0", "-1", "\"4\"", "[]"]),
        new("5.1", "temperature", ["null", "0", "1", "2", "0.7"], ["-0.1", "2.1", "\"1\"", "[]"]),
        new("5.1", "top_p", ["null", "0", "0.5", "1"], ["-0.1", "1.1", "\"1\""]),
        new("5.1", "n", ["null", "1", "3"], ["0", "-1", "129", "1.5", "\"2\""]),
        new("5.1", "stop", ["null", "\"x\"", "[\"x\",\"y\"]", "[]"], ["1", "[1]", "\"\"", "[\"\"]", "{}"]),
        new("5.1", "stream", ["null", "false"], ["1", "\"true\"", "[]"]),
        new("5.1", "stream_options", ["null", "{}"], ["{\"include_usage\":true}", "1", "[]"]),
        new("5.1", "logprobs", ["null", "true", "false"], ["1", "\"true\""]),
        new("5.1", "top_logprobs", ["null", "0", "20"], ["-1", "21", "\"1\"", "1.5"], "\"logprobs\":true"),
        new("5.1", "frequency_penalty", ["null", "-2", "0.5", "2"], ["-2.1", "2.1", "\"0\""]),
        new("5.1", "presence_penalty", ["null", "-2", "0.5", "2"], ["-2.1", "2.1", "\"0\""]),
        new("5.1", "logit_bias", ["null", "{}", "{\"5\":-100,\"6\":100}"], ["[]", "{\"257\":1}", "{\"a\":1}", "{\"-1\":1}", "{\"1\":101}", "{\"1\":\"a\"}"]),
        new("5.1", "seed", ["null", "0", "-5", "9223372036854775807"], ["1.5", "\"1\"", "1e30"]),
        new("5.1", "response_format", ["null", "{\"type\":\"text\"}", "{\"type\":\"json_object\"}", "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":{\"type\":\"boolean\"},\"strict\":true,\"description\":\"d\"}}"],
            ["1", "{}", "{\"type\":\"xml\"}", "{\"type\":\"json_schema\"}", "{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}}", "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a b\",\"schema\":{}}}"]),
        new("5.1", "tools", ["null", $"[{FunctionTool}]"], ["[]", "{}", "[{\"type\":\"custom\",\"custom\":{\"name\":\"x\"}}]", "[{\"type\":\"function\"}]", "[{\"type\":\"function\",\"function\":{\"name\":\"a b\"}}]", $"[{FunctionTool},{FunctionTool}]"]),
        new("5.1", "tool_choice", ["null", "\"none\"", "\"auto\"", "\"required\"", "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}",
            "{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}}"],
            ["\"maybe\"", "1", "{\"type\":\"function\",\"function\":{\"name\":\"g\"}}", "{\"type\":\"function\"}", "{\"type\":\"x\"}"], Tools),
        new("5.1", "parallel_tool_calls", ["null", "true", "false"], ["1"], Tools),
        new("5.1", "user", ["null", "\"u\""], ["1"]),
        new("5.1", "safety_identifier", ["null", "\"u\""], ["1"]),
        new("5.1", "prompt_cache_key", ["null", "\"u\""], ["1"]),
        new("5.1", "metadata", ["null", "{\"a\":\"b\"}"], ["[]", "{\"a\":1}"]),
        new("5.1", "store", ["null", "true", "false"], ["1"]),
        new("5.1", "service_tier", ["null", "\"auto\"", "\"flex\""], ["1"]),
        new("5.1", "reasoning_effort", ["null", "\"none\"", "\"minimal\"", "\"low\"", "\"medium\"", "\"high\"", "\"xhigh\"", "\"max\""], ["1", "\"much\""]),
        new("5.1", "verbosity", ["null", "\"low\""], []),
        new("5.1", "prompt_cache_options", ["null", "{}"], []),
        new("5.1", "prompt_cache_retention", ["null", "\"24h\""], []),
        new("5.1", "functions", ["null", "[{\"name\":\"f\",\"parameters\":{}}]"], ["[]", "[{}]", "1"]),
        new("5.1", "function_call", ["null", "\"none\"", "\"auto\"", "{\"name\":\"f\"}"], ["{\"name\":\"g\"}", "\"x\""], "\"functions\":[{\"name\":\"f\"}]"),
        new("5.1", "modalities", ["null", "[\"text\"]"], ["[\"audio\"]", "1"]),
        new("5.1", "audio", ["null"], ["{}"]),
        new("5.1", "prediction", ["null"], ["{}"]),
        new("5.1", "web_search_options", ["null"], ["{}"]),
        new("5.1", "moderation", ["null"], ["{}"]),
        new("5.1", "echo", ["null", "true", "false"], ["1"], "\"continue_final_message\":true,\"messages\":[{\"role\":\"assistant\",\"content\":\"ab\"}]"),
        new("5.1", "add_generation_prompt", ["null", "true", "false"], ["1"]),
        new("5.1", "continue_final_message", ["null", "false", "true"], ["1"]),
        new("5.1", "documents", ["null", "[{\"text\":\"d\"}]"], ["{}"]),
        new("5.1", "chat_template", ["null"], ["\"x\"", "1"]),
        new("5.1", "chat_template_kwargs", ["null", "{\"a\":1}"], ["[]", "1"]),
    ];

    /// <summary>vLLM's, on chat and completions alike.</summary>
    public static IReadOnlyList<FieldCase> Extensions { get; } =
    [
        new("5.1", "top_k", ["null", "-1", "0", "5"], ["-2", "1.5", "\"1\""]),
        new("5.1", "min_p", ["null", "0", "0.5", "1"], ["-0.1", "1.1"]),
        new("5.1", "repetition_penalty", ["null", "0.5", "1.2"], ["0", "-1", "\"1\""]),
        new("5.1", "length_penalty", ["null", "1"], ["\"1\""]),
        new("5.1", "stop_token_ids", ["null", "[]", "[1,2]"], ["[257]", "[-1]", "1", "[\"a\"]"]),
        new("5.1", "include_stop_str_in_output", ["null", "true"], ["1"]),
        new("5.1", "ignore_eos", ["null", "true"], ["1"]),
        new("5.1", "min_tokens", ["null", "0", "2"], ["-1", "\"1\""]),
        new("5.1", "allowed_token_ids", ["null", "[65,66]"], ["[]", "[257]", "1"]),
        new("5.1", "bad_words", ["null", "[\"a\"]"], ["\"a\"", "[\"\"]", "[1]"]),
        new("5.1", "skip_special_tokens", ["null", "false"], ["1"]),
        new("5.1", "spaces_between_special_tokens", ["null", "false"], ["1"]),
        new("5.1", "truncate_prompt_tokens", ["null", "-1", "2"], ["0", "-2", "\"1\""]),
        new("5.1", "truncation_side", ["null", "\"left\"", "\"right\""], ["\"top\"", "1"]),
        new("5.1", "prompt_logprobs", ["null", "0", "3"], ["-1", "21", "\"1\""]),
        new("5.1", "return_tokens_as_token_ids", ["null", "true"], ["1"]),
        new("5.1", "return_token_ids", ["null", "true"], ["1"]),
        new("5.1", "use_beam_search", ["null", "false"], ["true", "1"]),
        new("5.1", "add_special_tokens", ["null", "true", "false"], ["1"]),
        new("5.1", "structured_outputs", ["null", "{\"json\":{\"type\":\"boolean\"}}", "{\"regex\":\"a|b\"}", "{\"choice\":[\"x\",\"y\"]}", "{\"grammar\":\"root ::= \\\"a\\\"\"}", "{\"json_object\":true}"],
            ["{}", "1", "{\"structural_tag\":\"x\"}", "{\"regex\":\"a\",\"choice\":[\"b\"]}", "{\"choice\":[]}", "{\"choice\":[\"\"]}", "{\"regex\":\"(\"}", "{\"grammar\":\"x\"}"]),
        new("5.1", "guided_json", ["null", "{\"type\":\"null\"}", "\"{\\\"type\\\":\\\"null\\\"}\""], ["\"{\""]),
        new("5.1", "guided_regex", ["null", "\"ab?\""], ["1", "\"\"", "\"(?=x)\""]),
        new("5.1", "guided_choice", ["null", "[\"a\"]"], ["\"a\"", "[1]"]),
        new("5.1", "guided_grammar", ["null", "\"root ::= \\\"a\\\"\""], ["1", "\"x\""]),
        new("5.1", "priority", ["null"], ["1"]),
        new("5.1", "request_id", ["null", "\"a\""], ["1"]),
        new("5.1", "cache_salt", ["null", "\"a\""], ["\"\"", "1"]),
        new("5.1", "kv_transfer_params", ["null"], ["{}"]),
        new("5.1", "session_id", ["null", "\"a\""], ["1"]),
        new("5.1", "stream_interval", ["null", "4"], ["0", "\"1\""]),
        new("5.1", "vllm_xargs", ["null"], ["{}"]),
        new("5.1", "logprob_token_ids", ["null"], ["[1]"]),
        new("5.1", "thinking_token_budget", ["null"], ["1"]),
        new("5.1", "repetition_detection", ["null"], ["{}"]),
        new("5.1", "watermarking", ["null"], ["{}"]),
        new("5.1", "include_reasoning", ["null", "true"], ["false"]),
        new("15", "adapters", ["null"], ["[]", "1", "[{\"name\":\"x\"}]", "[{\"weight\":1}]", "[{\"name\":\"x\",\"weight\":9}]", "[{\"name\":\"tiny\",\"weight\":1}]"]),
    ];

    public static IReadOnlyList<FieldCase> Completions { get; } =
    [
        new("6", "model", ["null", "\"tiny\""], ["1"]),
        new("6", "prompt", ["\"a\"", "[\"a\",\"b\"]", "[97,98]", "[[97],[98,99]]"], ["null", "\"\"", "[]", "[\"\"]", "[[]]", "[257]", "[-1]", "1", "[true]", "[[\"a\"]]"]),
        new("6", "max_tokens", ["null", "1", "4"], ["0", "-1", "\"1\""]),
        new("6", "n", ["null", "2"], ["0", "129"]),
        new("6", "best_of", ["null", "1", "2"], ["3", "21", "-1"], "\"n\":2,\"max_tokens\":2"),
        new("6", "echo", ["null", "true", "false"], ["1"]),
        new("6", "suffix", ["null"], ["\"x\""]),
        new("6", "prompt_embeds", ["null"], ["\"AAAA\""]),
        new("6", "logprobs", ["null", "0", "5", "20"], ["21", "-1", "true"]),
        new("6", "stop", ["null", "\"x\""], ["1"]),
        new("6", "stream", ["null", "false"], ["1"]),
        new("6", "stream_options", ["null"], ["{\"include_usage\":true}"]),
        new("6", "temperature", ["0", "2"], ["3"]),
        new("6", "top_p", ["0", "1"], ["2"]),
        new("6", "frequency_penalty", ["0"], ["3"]),
        new("6", "presence_penalty", ["0"], ["3"]),
        new("6", "logit_bias", ["{\"5\":1}"], ["{\"500\":1}"]),
        new("6", "seed", ["1"], ["\"1\""]),
        new("6", "user", ["\"u\""], ["1"]),
        new("6", "response_format", ["{\"type\":\"json_object\"}"], ["{\"type\":\"x\"}"]),
    ];

    public static IReadOnlyList<FieldCase> Embeddings { get; } =
    [
        new("7.1", "model", ["null", "\"tiny\""], ["1"]),
        new("7.1", "input", ["\"a\"", "[\"a\",\"b\"]", "[97,98]", "[[97],[98]]"], ["null", "\"\"", "[]", "[\"\"]", "[257]", "1"]),
        new("7.1", "encoding_format", ["null", "\"float\"", "\"base64\""], ["\"bytes\"", "1"]),
        new("7.1", "dimensions", ["null", "16"], ["0", "17", "8", "\"1\""]),
        new("7.1", "user", ["null", "\"u\""], ["1"]),
        new("7.1", "truncate_prompt_tokens", ["null", "-1", "1"], ["0"]),
        new("7.1", "add_special_tokens", ["null", "false"], ["1"]),
        new("7.1", "normalize", ["null", "false"], ["1"]),
        new("7.1", "priority", ["null"], ["1"]),
        new("7.1", "embed_dtype", ["null"], ["\"float16\""]),
        new("7.1", "endianness", ["null"], ["\"big\""]),
    ];

    public static IReadOnlyList<FieldCase> Tokenize { get; } =
    [
        new("9", "prompt", ["\"a\"", "\"\""], ["null", "1", "[]"]),
        new("9", "model", ["null", "\"tiny\""], ["1"]),
        new("9", "add_special_tokens", ["null", "false"], ["1"]),
        new("9", "return_token_strs", ["null", "true"], ["1"]),
    ];

    public static IReadOnlyList<FieldCase> Detokenize { get; } = [new("9", "tokens", ["[]", "[97,256]"], ["null", "[257]", "[\"a\"]", "1"]), new("9", "model", ["null"], ["1"])];
}
