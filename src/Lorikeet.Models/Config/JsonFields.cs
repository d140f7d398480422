using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Models;

/// <summary>The fields of a JSON object from a file, each checked for its kind and range when it is read.</summary>
/// <param name="json">The object.</param>
/// <param name="path">What to call it in messages: the file's path, and the object's key where it lies inside another.</param>
public sealed class JsonFields(JsonElement json, string path)
{
    /// <summary>What it is called in messages.</summary>
    public string Path => path;

    /// <summary>True where the key is there and not null.</summary>
    /// <param name="key">The key.</param>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>True where the key is there, null or not.</summary>
    /// <param name="key">The key.</param>
    public bool Names(string key) => json.TryGetProperty(key, out _);

    /// <summary>The value of a key; null where it is absent or null.</summary>
    /// <param name="key">The key.</param>
    public JsonElement? Find(string key) =>
        json.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>A whole number that must be there.</summary>
    /// <param name="key">The key.</param>
    /// <param name="least">The smallest value accepted.</param>
    /// <param name="most">The largest value accepted.</param>
    public int Integer(string key, int least, int most) =>
        Find(key) is { } value
            ? ToInteger(value, key, least, most)
            : throw new BadFileException($"{path} has no {key}; expected a whole number from {least} to {most}.");

    /// <summary>A whole number, or what stands for it where it is absent or null.</summary>
    /// <param name="key">The key.</param>
    /// <param name="least">The smallest value accepted.</param>
    /// <param name="most">The largest value accepted.</param>
    /// <param name="absent">The default.</param>
    public int Integer(string key, int least, int most, int absent) => Find(key) is { } value ? ToInteger(value, key, least, most) : absent;

    /// <summary>A finite number, or what stands for it where it is absent or null.</summary>
    /// <param name="key">The key.</param>
    /// <param name="least">The smallest value accepted.</param>
    /// <param name="most">The largest value accepted.</param>
    /// <param name="absent">The default.</param>
    public double Number(string key, double least, double most, double absent)
    {
        if (Find(key) is not { } value)
        {
            return absent;
        }
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number >= least && number <= most
            ? number
            : throw Wrong(key, value, $"a number from {least:R} to {most:R}");
    }

    /// <summary>True or false, or what stands for it where it is absent or null.</summary>
    /// <param name="key">The key.</param>
    /// <param name="absent">The default.</param>
    public bool Flag(string key, bool absent) => Find(key) switch
    {
        null => absent,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } value => throw Wrong(key, value, "true or false"),
    };

    /// <summary>A text, or what stands for it where it is absent or null.</summary>
    /// <param name="key">The key.</param>
    /// <param name="absent">The default.</param>
    public string Text(string key, string absent) => Find(key) switch
    {
        null => absent,
        { ValueKind: JsonValueKind.String } value => value.GetString()!,
        { } value => throw Wrong(key, value, "a text"),
    };

    /// <summary>An object inside this one, or null.</summary>
    /// <param name="key">The key.</param>
    public JsonFields? Object(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } value => new JsonFields(value, $"{path}: {key}"),
        { } value => throw Wrong(key, value, "an object"),
    };

    /// <summary>The elements of an array of a known length, or null where it is absent or null.</summary>
    /// <param name="key">The key.</param>
    /// <param name="length">The length it must have.</param>
    public JsonElement[]? Array(string key, int length)
    {
        if (Find(key) is not { } value)
        {
            return null;
        }
        return value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == length
            ? [.. value.EnumerateArray()]
            : throw Wrong(key, value, $"an array of {length} values");
    }

    /// <summary>One whole number or an array of them; empty where it is absent or null.</summary>
    /// <param name="key">The key.</param>
    /// <param name="least">The smallest value accepted.</param>
    /// <param name="most">The largest value accepted.</param>
    public IReadOnlyList<int> Integers(string key, int least, int most) => Find(key) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } value => [.. value.EnumerateArray().Select(element => ToInteger(element, key, least, most))],
        { } value => [ToInteger(value, key, least, most)],
    };

    /// <summary>An array of finite numbers, or null where it is absent or null.</summary>
    /// <param name="key">The key.</param>
    /// <param name="count">How many it must hold.</param>
    /// <param name="least">The smallest value accepted.</param>
    /// <param name="most">The largest value accepted.</param>
    public double[]? Numbers(string key, int count, double least, double most) => Array(key, count)?
        .Select(value => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number >= least && number <= most
            ? number
            : throw Wrong(key, value, $"numbers from {least:R} to {most:R}"))
        .ToArray();

    /// <summary>The refusal of a value.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="found">The value.</param>
    /// <param name="expected">What it should have been.</param>
    public BadFileException Wrong(string key, JsonElement found, string expected) =>
        new($"{path}: {key} is {BadFileException.Short(found.GetRawText())}; expected {expected}.");

    private int ToInteger(JsonElement value, string key, int least, int most) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) && number >= least && number <= most
            ? (int)number
            : throw Wrong(key, value, $"a whole number from {least} to {most}");
}
