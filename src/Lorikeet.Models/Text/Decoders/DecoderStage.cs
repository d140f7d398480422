using System.Text;

namespace Lorikeet.Models.Text.Decoders;

/// <summary>One step of a decoding: takes tokens, or parts of one, and hands on what became certain.</summary>
internal abstract class DecoderStage
{
    /// <summary>Takes a token, or the next part of one.</summary>
    /// <param name="text">The text.</param>
    /// <param name="ends">Whether the token ends with it.</param>
    public abstract void Push(string text, bool ends);

    /// <summary>Hands on what was held back, and closes what comes after.</summary>
    public abstract void Close();
}

/// <summary>The end of every chain: keeps the text until it is taken.</summary>
internal sealed class TextSink : DecoderStage
{
    private readonly StringBuilder text = new();

    public override void Push(string text, bool ends) => this.text.Append(text);

    public override void Close()
    {
        // It holds nothing back.
    }

    public string Take()
    {
        if (text.Length == 0)
        {
            return "";
        }
        string taken = text.ToString();
        text.Clear();
        return taken;
    }
}

/// <summary>A step that needs whole tokens.</summary>
internal abstract class TokenStage(DecoderStage next) : DecoderStage
{
    private StringBuilder? open;

    /// <summary>What takes the result.</summary>
    protected DecoderStage Next => next;

    public sealed override void Push(string text, bool ends)
    {
        if (ends && open is null)
        {
            Take(text);
            return;
        }
        open ??= new StringBuilder();
        open.Append(text);
        if (ends)
        {
            string token = open.ToString();
            open = null;
            Take(token);
        }
    }

    public sealed override void Close()
    {
        if (open is not null)
        {
            Take(open.ToString());
            open = null;
        }
        Flush();
        next.Close();
    }

    /// <summary>Takes a whole token.</summary>
    protected abstract void Take(string token);

    /// <summary>Hands on what was held back.</summary>
    protected virtual void Flush()
    {
        // Most hold nothing back.
    }
}
