namespace Lorikeet.Cli.Chat;

/// <summary>Where the lines of a conversation come from.</summary>
internal interface ITalkInput
{
    /// <summary>Whether somebody sits there, who sees what was wrong and goes on.</summary>
    bool IsTerminal { get; }

    /// <summary>The next line; null: there is none.</summary>
    /// <param name="prompt">What a terminal shows before it.</param>
    /// <exception cref="OperationCanceledException">Ctrl-C twice at an empty line.</exception>
    string? Read(string prompt);
}

/// <summary>Lines of a file or a pipe, without prompts.</summary>
/// <param name="reader">The lines.</param>
internal sealed class PlainInput(TextReader reader) : ITalkInput
{
    public bool IsTerminal => false;

    public string? Read(string prompt) => reader.ReadLine();
}

/// <summary>Lines of a terminal. Ctrl-C is a key while a line is written, and a signal while an answer is.</summary>
/// <param name="editor">The editor.</param>
internal sealed class TerminalInput(LineEditor editor) : ITalkInput
{
    public bool IsTerminal => true;

    public string? Read(string prompt)
    {
        Console.TreatControlCAsInput = true;
        try
        {
            return editor.Read(prompt);
        }
        finally
        {
            Console.TreatControlCAsInput = false;
        }
    }
}
