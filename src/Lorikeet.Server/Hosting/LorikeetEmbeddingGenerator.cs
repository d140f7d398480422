using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Lorikeet.Server;

/// <summary>The engine as an <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/>: pooled hidden states of unit length, with the adapter that <see cref="EmbeddingGenerationOptions.ModelId"/> names.</summary>
internal sealed class LorikeetEmbeddingGenerator(ServerParts parts) : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly EmbeddingGeneratorMetadata metadata = new("lorikeet", defaultModelId: parts.Directory.BaseName, defaultModelDimensions: parts.Inference.Model.Config.HiddenSize);

    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        JsonArray input = [.. values.Select(v => (JsonNode?)v)];
        if (input.Count == 0)
        {
            return [];
        }
        JsonObject body = new() { ["input"] = input };
        foreach ((string name, object? value) in options?.AdditionalProperties ?? [])
        {
            body[name] = JsonSerializer.SerializeToNode(value, AIJsonUtilities.DefaultOptions);
        }
        if (options?.ModelId is { } model)
        {
            body["model"] = model;
        }
        if (options?.Dimensions is { } dimensions)
        {
            body["dimensions"] = dimensions;
        }
        try
        {
            using Admission.Ticket ticket = parts.Admission.Enter(Caller.Everybody);
            using JsonDocument document = JsonDocument.Parse(body.ToJsonString());
            EmbeddingEndpoint.Vectors vectors = await parts.Embeddings.ComputeAsync(new Fields(document.RootElement), ticket, parts.Services.Options.Limits.Deadline, cancellationToken);
            DateTimeOffset created = DateTimeOffset.FromUnixTimeSeconds(parts.Services.Now);
            return new GeneratedEmbeddings<Embedding<float>>(vectors.All.Select(v => new Embedding<float>(v) { CreatedAt = created, ModelId = vectors.Echo }))
            {
                Usage = new UsageDetails { InputTokenCount = vectors.Tokens, TotalTokenCount = vectors.Tokens },
            };
        }
        catch (ApiException e)
        {
            throw InProcess.Translate(e);
        }
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null : serviceType == typeof(EmbeddingGeneratorMetadata) ? metadata : serviceType.IsInstanceOfType(this) ? this : null;
    }

    // The host's container ends what the generator uses.
    public void Dispose()
    {
    }
}
