namespace Lorikeet.Server;

/// <summary>The parts that routes refer to: what they answer.</summary>
internal static class OpenApiSchemas
{
    /// <summary>The answer of routes that only refuse.</summary>
    public const string Refused = "-";

    /// <summary>Headers.</summary>
    public const string Headers = """
        {
          "X-Request-Id": {"description": "The request's own id, or one that was made.", "schema": {"type": "string"}},
          "Retry-After": {"description": "Whole seconds.", "schema": {"type": "integer", "minimum": 1, "maximum": 60}},
          "x-should-retry": {"description": "false where repeating is useless.", "schema": {"type": "string"}}
        }
        """;

    /// <summary>Refusals.</summary>
    public const string Responses = """
        {
          "Refused": {"description": "refused", "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
          "Later": {"description": "not now", "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}, "Retry-After": {"$ref": "#/components/headers/Retry-After"}, "x-should-retry": {"$ref": "#/components/headers/x-should-retry"}}, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
        }
        """;

    /// <summary>The body of an upload.</summary>
    public const string Upload = """
        {"required": true, "content": {"multipart/form-data": {"schema": {"type": "object", "required": ["adapter_config.json", "adapter_model.safetensors"], "properties": {
          "adapter_config.json": {"type": "string", "contentMediaType": "application/json"}, "adapter_model.safetensors": {"type": "string", "contentMediaType": "application/octet-stream"},
          "chat_template.jinja": {"type": "string"}, "generation_config.json": {"type": "string", "contentMediaType": "application/json"}}}}}}
        """;

    /// <summary>What is answered.</summary>
    public const string Schemas = """
        {
          "Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "object", "required": ["message", "type", "param", "code"], "properties": {
            "message": {"type": "string"}, "type": {"type": "string"}, "param": {"type": ["string", "null"]}, "code": {"type": ["string", "integer", "null"]}}}}},
          "Message": {"type": "object", "required": ["role"], "properties": {"role": {"enum": ["developer", "system", "user", "assistant", "tool", "function"]}, "content": {"oneOf": [{"type": ["string", "null"]}, {"type": "array", "items": {"type": "object"}}]},
            "name": {"type": ["string", "null"]}, "tool_call_id": {"type": ["string", "null"]}, "tool_calls": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/ToolCall"}}}},
          "ToolCall": {"type": "object", "required": ["id", "type", "function"], "properties": {"id": {"type": "string"}, "type": {"const": "function"}, "function": {"type": "object", "required": ["name", "arguments"], "properties": {"name": {"type": "string"}, "arguments": {"type": "string"}}}}},
          "Usage": {"type": "object", "required": ["prompt_tokens", "total_tokens"], "properties": {"prompt_tokens": {"type": "integer"}, "completion_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"},
            "prompt_tokens_details": {"type": "object", "properties": {"cached_tokens": {"type": "integer"}}}}},
          "ChatCompletion": {"type": "object", "required": ["id", "object", "created", "model", "choices", "usage"], "properties": {"id": {"type": "string"}, "object": {"const": "chat.completion"}, "created": {"type": "integer"}, "model": {"type": "string"},
            "system_fingerprint": {"type": "string"}, "usage": {"$ref": "#/components/schemas/Usage"}, "choices": {"type": "array", "items": {"type": "object", "required": ["index", "message", "finish_reason"], "properties": {
            "index": {"type": "integer"}, "message": {"type": "object", "required": ["role", "content"], "properties": {"role": {"const": "assistant"}, "content": {"type": ["string", "null"]}, "refusal": {"type": ["string", "null"]}, "tool_calls": {"type": "array", "items": {"$ref": "#/components/schemas/ToolCall"}}}},
            "logprobs": {"type": ["object", "null"]}, "finish_reason": {"enum": ["stop", "length", "tool_calls", "function_call"]}}}}}},
          "Completion": {"type": "object", "required": ["id", "object", "created", "model", "choices", "usage"], "properties": {"id": {"type": "string"}, "object": {"const": "text_completion"}, "created": {"type": "integer"}, "model": {"type": "string"},
            "system_fingerprint": {"type": "string"}, "usage": {"$ref": "#/components/schemas/Usage"}, "choices": {"type": "array", "items": {"type": "object", "required": ["index", "text", "finish_reason"], "properties": {
            "index": {"type": "integer"}, "text": {"type": "string"}, "logprobs": {"type": ["object", "null"]}, "finish_reason": {"enum": ["stop", "length"]}}}}}},
          "Response": {"type": "object", "required": ["id", "object", "created_at", "status", "model", "output"], "properties": {"id": {"type": "string"}, "object": {"const": "response"}, "created_at": {"type": "integer"}, "status": {"enum": ["in_progress", "completed", "incomplete", "failed"]},
            "model": {"type": "string"}, "error": {"type": ["object", "null"]}, "incomplete_details": {"type": ["object", "null"]}, "output": {"type": "array", "items": {"type": "object", "required": ["type", "id"], "properties": {"type": {"enum": ["message", "function_call"]}}}},
            "usage": {"type": ["object", "null"], "properties": {"input_tokens": {"type": "integer"}, "output_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"}}}}},
          "Events": {"type": "string", "description": "Server-sent events: data: JSON, and at the end data: [DONE]; those of /v1/responses have event: TYPE and no [DONE]."},
          "Embeddings": {"type": "object", "required": ["object", "model", "data", "usage"], "properties": {"object": {"const": "list"}, "model": {"type": "string"}, "usage": {"$ref": "#/components/schemas/Usage"},
            "data": {"type": "array", "items": {"type": "object", "required": ["object", "index", "embedding"], "properties": {"object": {"const": "embedding"}, "index": {"type": "integer"}, "embedding": {"oneOf": [{"type": "array", "items": {"type": "number"}}, {"type": "string", "contentEncoding": "base64"}]}}}}}},
          "Model": {"type": "object", "required": ["id", "object", "created", "owned_by"], "properties": {"id": {"type": "string"}, "object": {"const": "model"}, "created": {"type": "integer"}, "owned_by": {"type": "string"}, "root": {"type": "string"},
            "parent": {"type": ["string", "null"]}, "max_model_len": {"type": ["integer", "null"]}, "permission": {"type": "array"}}},
          "Models": {"type": "object", "required": ["object", "data"], "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}}},
          "Tokens": {"type": "object", "required": ["count", "max_model_len", "tokens"], "properties": {"count": {"type": "integer"}, "max_model_len": {"type": "integer"}, "tokens": {"type": "array", "items": {"type": "integer"}}, "token_strs": {"type": ["array", "null"], "items": {"type": "string"}}}},
          "TokenIds": {"type": "object", "required": ["token_ids"], "properties": {"token_ids": {"type": "array", "items": {"type": "integer"}}}},
          "TokenIdLists": {"type": "array", "items": {"$ref": "#/components/schemas/TokenIds"}},
          "Detokenized": {"type": "object", "required": ["prompt"], "properties": {"prompt": {"type": "string"}}},
          "TokenizerInfo": {"type": "object", "properties": {"tokenizer_class": {"type": "string"}, "vocab_size": {"type": "integer"}, "chat_template": {"type": ["string", "null"]}}},
          "LoraAdapters": {"type": "array", "items": {"type": "object", "required": ["id", "path", "scale"], "properties": {"id": {"type": "integer"}, "path": {"type": "string"}, "scale": {"type": "number"}}}},
          "Adapter": {"type": "object", "required": ["id", "object", "tenant", "version", "hash", "kind", "state"], "properties": {"id": {"type": "string"}, "object": {"const": "adapter"}, "tenant": {"type": "string"}, "version": {"type": "integer"}, "hash": {"type": "string"}, "kind": {"type": "string"},
            "rank": {"type": "integer"}, "bytes": {"type": "integer"}, "base": {"type": "string"}, "created": {"type": "integer"}, "state": {"enum": ["stored", "loading", "resident", "draining"]}, "pinned": {"type": "boolean"}, "aliases": {"type": "array", "items": {"type": "string"}}}},
          "Adapters": {"allOf": [{"$ref": "#/components/schemas/Page"}, {"type": "object", "properties": {"data": {"type": "array", "items": {"$ref": "#/components/schemas/Adapter"}}}}]},
          "Versions": {"allOf": [{"$ref": "#/components/schemas/Page"}, {"type": "object", "properties": {"data": {"type": "array", "items": {"type": "object", "required": ["version", "hash", "created", "bytes", "active"], "properties": {
            "version": {"type": "integer"}, "hash": {"type": "string"}, "created": {"type": "integer"}, "bytes": {"type": "integer"}, "active": {"type": "boolean"}}}}}}]},
          "Page": {"type": "object", "required": ["object", "data", "has_more"], "properties": {"object": {"const": "list"}, "data": {"type": "array"}, "first_id": {"type": ["string", "null"]}, "last_id": {"type": ["string", "null"]}, "has_more": {"type": "boolean"}}},
          "Limits": {"type": ["object", "null"], "properties": {"requests_per_minute": {"type": ["integer", "null"]}, "tokens_per_minute": {"type": ["integer", "null"]}, "concurrent": {"type": ["integer", "null"]}, "max_adapters": {"type": ["integer", "null"]}, "bytes": {"type": ["integer", "null"]}}},
          "Key": {"type": "object", "required": ["id", "tenant", "scopes"], "properties": {"id": {"type": "string"}, "tenant": {"type": "string"}, "label": {"type": ["string", "null"]}, "scopes": {"type": "array", "items": {"type": "string"}}, "adapters": {"type": ["array", "null"], "items": {"type": "string"}},
            "expires": {"type": ["integer", "null"]}, "limits": {"$ref": "#/components/schemas/Limits"}, "secret": {"type": "string", "description": "With the answer that makes the key, and never again."}, "last_used": {"type": ["integer", "null"]}}},
          "Keys": {"allOf": [{"$ref": "#/components/schemas/Page"}, {"type": "object", "properties": {"data": {"type": "array", "items": {"$ref": "#/components/schemas/Key"}}}}]},
          "Deleted": {"type": "object", "required": ["id", "object", "deleted"], "properties": {"id": {"type": "string"}, "object": {"type": "string"}, "deleted": {"const": true}, "draining": {"type": "integer"}}},
          "Version": {"type": "object", "required": ["version"], "properties": {"version": {"type": "string"}}},
          "Load": {"type": "object", "required": ["server_load"], "properties": {"server_load": {"type": "integer"}}},
          "Object": {"type": "object"}
        }
        """;

    /// <summary>The content type and schema of an answer by its name: a schema's, or a content type.</summary>
    public static (string Type, string Schema) Content(string answer) => answer switch
    {
        "Events" => ("text/event-stream", """{"$ref":"#/components/schemas/Events"}"""),
        _ when answer.Contains('/', StringComparison.Ordinal) => (answer, """{"type":"string"}"""),
        _ => ("application/json", $$"""{"$ref":"#/components/schemas/{{answer}}"}"""),
    };
}
