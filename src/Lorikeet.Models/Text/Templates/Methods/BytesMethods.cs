using System.Collections.Frozen;
using System.Text;

namespace Lorikeet.Models.Text.Templates;

/// <summary><c>str.encode</c> and the few methods of bytes that make sense in a template.</summary>
internal static class BytesMethods
{
    public static Value Encode(Interpreter run, StringValue self, Bound a)
    {
        run.Budget.Make(4L * self.Text.Length);
        string text = self.Text;
        Encoding encoding = Named(a.Text(0), a.Text(1));
        if (encoding.IsSingleByte && a.Text(1) == "replace")
        {
            // One mark for a character that takes two units.
            text = string.Concat(StringText.Values(text).Select(c => c <= 0xFFFF ? ((char)c).ToString() : "?"));
        }
        try
        {
            return new BytesValue(encoding.GetBytes(text));
        }
        catch (EncoderFallbackException e)
        {
            throw Raise.Runtime($"'{encoding.WebName}' codec can't encode the character at position {e.Index}");
        }
    }

    public static Value? Find(Interpreter run, BytesValue self, string name) => name switch
    {
        "decode" => new FunctionValue(name, (r, arguments) => Decode(self, new Signature(name, 0, "encoding", "errors").Bind(arguments))),
        "hex" => new FunctionValue(name, (_, _) => new StringValue(Convert.ToHexStringLower(self.Bytes))),
        _ => HiddenNames.Find(self, name, HiddenNames.Containers),
    };

    private static StringValue Decode(BytesValue self, Bound a)
    {
        Encoding encoding = Named(a.Text(0), a.Text(1));
        try
        {
            return new StringValue(encoding.GetString(self.Bytes));
        }
        catch (DecoderFallbackException e)
        {
            throw Raise.Runtime($"'{encoding.WebName}' codec can't decode the byte at position {e.Index}");
        }
    }

    private static Encoding Named(string? name, string? errors)
    {
        (EncoderFallback encode, DecoderFallback decode) = (errors ?? "strict") switch
        {
            "strict" => (EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback),
            "ignore" => ((EncoderFallback)new EncoderReplacementFallback(""), (DecoderFallback)new DecoderReplacementFallback("")),
            "replace" => (new EncoderReplacementFallback("?"), new DecoderReplacementFallback("\uFFFD")),
            _ => throw Raise.Runtime($"unknown error handler name '{errors}'; this version knows strict, ignore and replace"),
        };
        string plain = (name ?? "utf-8").ToLowerInvariant().Replace('_', '-');
        return plain switch
        {
            "utf-8" or "utf8" or "u8" => Encoding.GetEncoding("utf-8", encode, decode),
            "ascii" or "us-ascii" => Encoding.GetEncoding("us-ascii", encode, decode),
            "latin-1" or "latin1" or "iso-8859-1" => Encoding.GetEncoding("iso-8859-1", encode, decode),
            "utf-16-le" or "utf-16le" => Encoding.GetEncoding("utf-16", encode, decode),
            _ => throw Raise.Runtime($"unknown encoding: {name}; this version knows utf-8, ascii, latin-1 and utf-16-le"),
        };
    }
}
