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
    /// <exception cref="ApiException">400: it is not offered, or anything about it is wrong; the message says which, what was found and what was expected.</exception>
    public static List<PromptRows> Read(in Fields body, JsonElement value, ServerOptions options, int width)
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
        List<PromptRows> prompts = [];
        if (value.ValueKind != JsonValueKind.Array)
        {
            prompts.Add(Decode(value, Field, width));
        }
        else
        {
            int count = value.GetArrayLength();
            if (count == 0)
            {
                throw ApiException.Value(Field, $"{Field} is an empty array; expected {Expected}");
            }
            if (count > options.Limits.Prompts)
            {
                throw ApiException.Limit(Field, count, options.Limits.Prompts, $"there are too many prompts in {Field}");
            }
            foreach (JsonElement item in value.EnumerateArray())
            {
                prompts.Add(Decode(item, $"{Field}[{prompts.Count}]", width));
            }
        }
        long bytes = prompts.Sum(p => p.ByteLength);
        return bytes <= options.Engine.MaxVectorBytes ? prompts : throw ApiException.Limit(Field, bytes, options.Engine.MaxVectorBytes, "bytes of vectors");
    }

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
