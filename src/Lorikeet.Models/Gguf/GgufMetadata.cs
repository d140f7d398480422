using Lorikeet.Models.Files;

namespace Lorikeet.Models.Gguf;

/// <summary>Metadata that is being written, in order.</summary>
/// <param name="architecture">What stands before the keys of the model's numbers.</param>
internal sealed class GgufMetadata(string architecture)
{
    /// <summary>The values in order.</summary>
    public OrderedDictionary<string, GgufValue> Values { get; } = [];

    /// <summary>A value under its whole key.</summary>
    public void Add(string key, object value) => Values[key] = value is Array array ? GgufValue.OfArray(array) : GgufValue.Of(value);

    /// <summary>A number of the model.</summary>
    public void Own(string key, object value) => Add($"{architecture}.{key}", value);
}
