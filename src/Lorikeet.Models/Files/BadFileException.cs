namespace Lorikeet.Models.Files;

/// <summary>A file that cannot be used; the message is one line: the path, what was found, what was expected, what to do.</summary>
public sealed class BadFileException : IOException
{
    /// <summary>Makes the exception without a message.</summary>
    public BadFileException()
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">One line; line breaks from file contents are shown as spaces.</param>
    public BadFileException(string message)
        : base(OneLine(message))
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">One line; line breaks from file contents are shown as spaces.</param>
    /// <param name="innerException">What was caught.</param>
    public BadFileException(string message, Exception innerException)
        : base(OneLine(message), innerException)
    {
    }

    // Names quoted from a hostile file may hold terminal escapes or be megabytes long.
    internal static string OneLine(string message)
    {
        const int Most = 2000;
        if (message.Length > Most)
        {
            message = string.Concat(message.AsSpan(0, Most), "...");
        }
        return message.AsSpan().IndexOfAnyInRange('\0', '\x1F') < 0 && !message.AsSpan().ContainsAny('\u0085', '\u2028', '\u2029')
            ? message
            : string.Create(message.Length, message, static (to, from) =>
            {
                for (int i = 0; i < to.Length; i++)
                {
                    to[i] = char.IsControl(from[i]) || from[i] is '\u2028' or '\u2029' ? ' ' : from[i];
                }
            });
    }

    /// <summary>A name from a file, cut and without control characters, so that a message of any exception stays one readable line.</summary>
    /// <param name="name">The name.</param>
    internal static string Short(string name) => OneLine(name.Length <= 120 ? name : string.Concat(name.AsSpan(0, 117), "..."));
}
