using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Text.Json;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary><c>POST /v1/embeddings</c>: pooled hidden states of unit length.</summary>
internal sealed class EmbeddingEndpoint(GenerationServices services, EmbeddingSettings settings)
{
    public static FrozenSet<string> Names { get; } = new[]
    {
        "model", "input", "messages", "encoding_format", "dimensions", "user", "truncate_prompt_tokens", "add_special_tokens", "normalize", "priority",
        "embed_dtype", "endianness", "adapters", "adapter", "adapter_id", "lora", "merged_adapters", "adapter_source", "api_token", "cache_salt", "request_id",
        "add_generation_prompt", "continue_final_message", "chat_template", "chat_template_kwargs", "reasoning_effort", "documents",
    }.ToFrozenSet(StringComparer.Ordinal);

    public async Task AnswerAsync(HttpContext http, Caller caller)
    {
        using Admission.Ticket ticket = services.Admission.Enter(caller);
        using JsonDocument document = await RequestBody.ReadAsync(http, services.Options.Limits);
        Vectors vectors = await ComputeAsync(new Fields(document.RootElement), ticket, services.Deadline(http), http.RequestAborted);
        await JsonText.WriteAsync(http, 200, json => Write(json, vectors));
    }

    /// <summary>Reads and checks a request, and computes its vectors.</summary>
    /// <param name="body">Its body.</param>
    /// <param name="ticket">It was let in.</param>
    /// <param name="deadline">How long it has, from its arrival.</param>
    /// <param name="stop">The caller's leaving.</param>
    public async Task<Vectors> ComputeAsync(Fields body, Admission.Ticket ticket, TimeLimit deadline, CancellationToken stop)
    {
        services.Known.Check(body, Names);
        (string echo, AdapterBinding adapter) = await services.Models.ReadAsync(body, ticket.Caller, stop);
        body.Refuse("vectors are float32, little-endian", "embed_dtype", "endianness");
        body.Refuse("requests are served in the order of arrival, fairly between tenants", "priority");
        string format = body.Text("encoding_format") ?? "float";
        if (format is not ("float" or "base64"))
        {
            throw ApiException.Value("encoding_format", $"encoding_format is '{(format.Length <= 40 ? format : format[..40])}'; expected float or base64");
        }
        _ = body.Text("user");
        bool normalize = body.Flag("normalize") ?? true;
        int width = services.Inference.Model.Config.HiddenSize;
        int dimensions = Dimensions(body, width);
        List<int[]> inputs = Inputs(body, adapter, stop);
        long tokens = inputs.Sum(i => (long)i.Length);
        if (tokens > services.Options.Limits.EmbeddingTokens)
        {
            throw ApiException.Limit("input", tokens, services.Options.Limits.EmbeddingTokens, "the input has too many tokens");
        }
        ticket.Charge(tokens);
        GenerationRequest[] requests =
        [
            .. inputs.Select(ids => new GenerationRequest
            {
                Prompt = ids,
                Adapters = services.Inference.Shares(adapter),
                Ask = settings.Pooling,
                MaxTokens = 0,
                Tenant = ticket.Caller.Tenant,
                CacheSalt = body.Text("cache_salt", 1024) ?? "",
            }),
        ];
        float[][] vectors = new float[inputs.Count][];
        UsageCount usage = new() { Prompt = tokens };
        await foreach (GenerationEvent next in services.Runner.RunAsync(ticket, requests, adapter, deadline, usage, stop))
        {
            vectors[next.Id] = next.Embedding ?? vectors[next.Id];
        }
        return new Vectors(echo, [.. vectors.Select(v => Shape(v.AsSpan(0, dimensions), normalize))], tokens, format == "base64");
    }

    private int Dimensions(in Fields body, int width)
    {
        if (body.Integer("dimensions", 1, width) is not { } asked || asked == width)
        {
            return width;
        }
        return !settings.Matryoshka
            ? throw ApiException.Value("dimensions", $"this model was not trained for shorter vectors (is_matryoshka); expected {width}")
            : settings.Dimensions.Count > 0 && !settings.Dimensions.Contains((int)asked)
            ? throw ApiException.Value("dimensions", $"dimensions is {asked}; expected one of {string.Join(", ", settings.Dimensions)}, {width}")
            : (int)asked;
    }

    private List<int[]> Inputs(in Fields body, AdapterBinding adapter, CancellationToken stop)
    {
        int? truncate = (int?)body.Integer("truncate_prompt_tokens", -1, int.MaxValue);
        if (truncate == 0)
        {
            throw ApiException.Value("truncate_prompt_tokens", "truncate_prompt_tokens is 0; expected -1 (to the context) or 1 and more");
        }
        // A vector needs no room for an answer.
        int context = services.Context + 1;
        if (body.Has("messages"))
        {
            if (body.Has("input"))
            {
                throw ApiException.Value("input", "input and messages do not go together");
            }
            (int[] prompt, _, _) = services.ChatPrompt.Read(body, adapter, null, stop);
            return [PromptFit.Cut(prompt, truncate, right: true, context, "messages")];
        }
        if (!body.TryGet("input", out JsonElement input))
        {
            throw body.Absent("input", "a string, strings, token ids, or arrays of token ids");
        }
        bool special = body.Flag("add_special_tokens") ?? true;
        List<int[]> inputs = [];
        foreach (InputText text in InputText.Read(input, "input", services.Options.Limits.EmbeddingInputs, services.Vocabulary))
        {
            inputs.Add(PromptFit.Cut(text.Ids ?? services.Tokenizer.Encode(text.Text!, special), truncate, right: true, context, "input"));
        }
        return inputs;
    }

    private static void Write(Utf8JsonWriter json, Vectors vectors)
    {
        json.WriteStartObject();
        json.WriteString("object", "list");
        json.WriteString("model", vectors.Echo);
        json.WriteStartArray("data");
        for (int i = 0; i < vectors.All.Length; i++)
        {
            ReadOnlySpan<float> vector = vectors.All[i];
            json.WriteStartObject();
            json.WriteString("object", "embedding");
            json.WriteNumber("index", i);
            if (vectors.Base64)
            {
                byte[] bytes = new byte[vector.Length * sizeof(float)];
                for (int j = 0; j < vector.Length; j++)
                {
                    BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(j * sizeof(float)), vector[j]);
                }
                json.WriteBase64String("embedding", bytes);
            }
            else
            {
                json.WriteStartArray("embedding");
                foreach (float value in vector)
                {
                    json.WriteNumberValue(value);
                }
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", vectors.Tokens);
        json.WriteNumber("total_tokens", vectors.Tokens);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static float[] Shape(ReadOnlySpan<float> vector, bool normalize)
    {
        float[] shaped = vector.ToArray();
        double squares = 0;
        foreach (float value in shaped)
        {
            squares += (double)value * value;
        }
        if (normalize && squares > 0)
        {
            double scale = 1 / Math.Sqrt(squares);
            for (int i = 0; i < shaped.Length; i++)
            {
                shaped[i] = (float)(shaped[i] * scale);
            }
        }
        return shaped;
    }

    /// <summary>The vectors of a request.</summary>
    /// <param name="Echo">The name that was asked for.</param>
    /// <param name="All">One for each input.</param>
    /// <param name="Tokens">Tokens of all inputs.</param>
    /// <param name="Base64">Whether they are written so.</param>
    internal sealed record Vectors(string Echo, float[][] All, long Tokens, bool Base64);
}
