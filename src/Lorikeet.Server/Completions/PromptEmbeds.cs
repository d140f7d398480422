using System.Runtime.InteropServices;
using System.Text.Json;
using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Server;

/// <summary>Reads <c>prompt_embeds</c>: a safetensors file in base64, or an array of them.</summary>
internal static class PromptEmbeds
{
    public const string Field = "prompt_embeds";
    private const string Expected = "a safetensors file in base64, or an array of them";

    /// <summary>Reads the prompts of a request that has the field.</summary>
    /// <param name="body">The request.</param>
    /// <param name="value">The field.</param>
    /// <param name="options">Whether it is offered at all, how many prompts a request may have, and how many bytes.</param>
    /// <param name="width">Numbers of a row of the model's token table.</param>
    /// <param name="ticket">The admitted request, which holds the vectors until it ends.</param>
    /// <exception cref="ApiException">429: other requests hold as many as there may be. 400: it is not offered, or anything about it is wrong; the message says which, what was found and what was expected.</exception>
    public static List<PromptRows> Read(in Fields body, JsonElement value, ServerOptions options, int width, Admission.Ticket ticket)
    {
        if (!options.PromptEmbeds)
        {
            throw ApiException.Unsupported(Field, $"{Field} is not offered here: this server takes texts and token ids; the operator can start it with --enable-prompt-embeds");
        }
        foreach (string other in (string[])["prompt", "prompt_logprobs"])
        {
            Refuse(other, body.Has(other));
        }
        Refuse("echo", body.Flag("echo") == true);
        if (value.ValueKind != JsonValueKind.Array)
        {
            Hold(BytesOf(value));
            return [Decode(value, Field, width)];
        }
        int count = value.GetArrayLength();
        if (count == 0)
        {
            throw ApiException.Value(Field, $"{Field} is an empty array; expected {Expected}");
        }
        if (count > options.Limits.Prompts)
        {
            throw ApiException.Limit(Field, count, options.Limits.Prompts, $"there are too many prompts in {Field}");
        }
        Hold(value.EnumerateArray().Sum(BytesOf));
        return [.. value.EnumerateArray().Select((item, i) => Decode(item, $"{Field}[{i}]", width))];

        void Hold(long bytes)
        {
            if (bytes > options.Limits.VectorBytes)
            {
                throw ApiException.Limit(Field, bytes, options.Limits.VectorBytes, "bytes of vectors");
            }
            ticket.Hold(bytes);
        }
    }

    // What a string becomes that is base64, known before anything is made of it.
    private static long BytesOf(JsonElement item) => item.ValueKind == JsonValueKind.String ? (long)JsonMarshal.GetRawUtf8Value(item).Length / 4 * 3 : 0;

    private static PromptRows Decode(JsonElement item, string place, int width)
    {
        if (item.ValueKind != JsonValueKind.String)
        {
            throw Fields.Wrong(place, item, Expected);
        }
        if (!item.TryGetBytesFromBase64(out byte[]? file))
        {
            throw ApiException.Value(place, $"{place} is not base64; expected the standard alphabet (A-Z, a-z, 0-9, + and /), padded with = to a multiple of four");
        }
        try
        {
            return PromptRows.Read(file, place, width);
        }
        catch (NotSupportedException e)
        {
            throw ApiException.Unsupported(place, e.Message);
        }
        catch (BadFileException e)
        {
            throw ApiException.Value(place, e.Message);
        }
    }

    private static void Refuse(string other, bool isThere)
    {
        if (isThere)
        {
            throw ApiException.Value(other, $"{other} does not go with {Field}: {(other == "prompt" ? "a request has the one or the other" : "vectors have no text and no tokens to score")}");
        }
    }
}
