namespace Lorikeet.Models.Text.Decoders;

/// <summary>Turns tokens back into text. It makes streams only: a whole text is a stream that is closed at once.</summary>
internal abstract class Decoder
{
    // One line a kind.
    private static readonly Dictionary<string, Func<JsonPart, Decoder>> Kinds = new()
    {
        ["ByteLevel"] = _ => new ByteLevelDecoder(),
    };

    public abstract DecoderStream Start();

    public static Decoder Read(JsonPart part) =>
        Kinds.TryGetValue(part.Kind, out Func<JsonPart, Decoder>? make)
            ? make(part)
            : throw part.Unsupported($"has the type '{part.Kind}', which is not supported; supported are {string.Join(", ", Kinds.Keys)}.");
}

/// <summary>The state of one decoding.</summary>
internal abstract class DecoderStream
{
    /// <summary>Takes the next token and returns the text that became certain.</summary>
    public abstract string Push(string token);

    /// <summary>Returns what was held back.</summary>
    public abstract string Close();
}
