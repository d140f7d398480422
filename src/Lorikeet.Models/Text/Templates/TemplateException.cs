using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text;

/// <summary>Why a chat template gave no text.</summary>
public enum TemplateErrorKind
{
    /// <summary>The template's source cannot be read.</summary>
    Syntax,

    /// <summary>Something was done with a value that does not exist.</summary>
    Undefined,

    /// <summary>An operation failed: types that do not fit, a division by zero, and the like.</summary>
    Runtime,

    /// <summary>The template reached for something that a template may not touch.</summary>
    Security,

    /// <summary>The template itself refused the conversation, by <c>raise_exception</c>.</summary>
    Raised,

    /// <summary>There is no message.</summary>
    EmptyConversation,

    /// <summary>The final message cannot be continued.</summary>
    ContinueFinalMessage,

    /// <summary>A limit of <see cref="TemplateLimits"/> was reached.</summary>
    Limit,
}

/// <summary>A chat template gave no text; the message is one line with the template's line number, where one is known.</summary>
public sealed class TemplateException : InvalidOperationException
{
    /// <summary>Makes the exception without a message.</summary>
    public TemplateException()
        : this(TemplateErrorKind.Runtime, "")
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">What was found.</param>
    public TemplateException(string message)
        : this(TemplateErrorKind.Runtime, message)
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">What was found.</param>
    /// <param name="innerException">What was caught.</param>
    public TemplateException(string message, Exception innerException)
        : base(BadFileException.OneLine(message), innerException)
    {
        Reason = message;
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="reason">What was found; it may have several lines.</param>
    /// <param name="line">The template's line, from 1; 0: not known.</param>
    /// <param name="template">What to call the template in the message.</param>
    public TemplateException(TemplateErrorKind kind, string reason, int line = 0, string template = "chat template")
        : base(BadFileException.OneLine(line > 0 ? $"{template}, line {line}: {reason}" : reason))
    {
        Kind = kind;
        Reason = reason;
        Line = line;
    }

    /// <summary>The kind.</summary>
    public TemplateErrorKind Kind { get; } = TemplateErrorKind.Runtime;

    /// <summary>What was found, as it is: for <see cref="TemplateErrorKind.Raised"/> exactly the template's own text.</summary>
    public string Reason { get; }

    /// <summary>The template's line, from 1; 0: not known.</summary>
    public int Line { get; }

    /// <summary>The same with a place, unless it has one.</summary>
    internal TemplateException At(int line, string template) => Line > 0 || line == 0 ? this : new TemplateException(Kind, Reason, line, template);
}
