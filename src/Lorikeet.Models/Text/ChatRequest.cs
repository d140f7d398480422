using System.Text.Json;

namespace Lorikeet.Models.Text;

/// <summary>A conversation to be laid out by a <see cref="ChatTemplate"/>, with what <c>apply_chat_template</c> of Transformers takes.</summary>
public sealed record ChatRequest
{
    /// <summary>The messages: an array of objects such as <c>{"role": "user", "content": "Hello"}</c>.</summary>
    public required JsonElement Messages { get; init; }

    /// <summary>The tools as JSON schemas, an array; null: none.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>The documents, an array; null: none.</summary>
    public JsonElement? Documents { get; init; }

    /// <summary>Whether the text ends where the assistant begins to speak; default false.</summary>
    public bool AddGenerationPrompt { get; init; }

    /// <summary>The field of the final message whose text is left open, so that it can be continued: <c>content</c>, <c>reasoning_content</c>; null: none.</summary>
    public string? ContinueFinalMessage { get; init; }

    /// <summary>More variables of the template; they win over the others.</summary>
    public IReadOnlyDictionary<string, JsonElement> Variables { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>The clock that <c>strftime_now</c> reads, in its local time.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>What the template may use.</summary>
    public TemplateLimits Limits { get; init; } = TemplateLimits.Default;
}
