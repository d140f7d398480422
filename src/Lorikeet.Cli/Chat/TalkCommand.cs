using System.Globalization;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Chat;

/// <summary>What a line that begins with a slash does: one line a command.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Arguments">What comes after it, for help.</param>
/// <param name="Help">What it does, in a sentence.</param>
/// <param name="Run">Does it: the session, the rest of the line, what stops it.</param>
internal sealed record TalkCommand(string Name, string Arguments, string Help, Func<ChatSession, string, CancellationToken, Task> Run)
{
    private static readonly TalkCommand[] All =
    [
        new("help", "", "this list", (session, _, _) => ShowHelp(session)),
        new("adapter", "NAME", "answers come from this adapter from now on; none: the bare model; a=0.5 b=0.5: a mixture; or an adapter's folder", AdapterAsync),
        new("adapters", "", "the adapters there are", (session, _, _) => Adapters(session)),
        new("system", "TEXT", "what the system says first; none: nothing; without a text: shows it", (session, text, _) => SetSystem(session, text)),
        new("history", "", "what was said", (session, _, _) => History(session)),
        new("reset", "", "begins anew; system text, adapter and settings stay", (session, _, _) => Do(session.Talk.Turns.Clear)),
        new("undo", "", "takes the last question and its answer back", (session, _, _) => Undo(session)),
        new("retry", "", "answers the last question again, with the next seed and the adapter of now", (session, _, _) => Retry(session)),
        new("set", "NAME=NUMBER", "changes how answers are made; without a name: shows it", (session, text, _) => Set(session, text)),
        new("stats", "", "the last answer's figures", (session, _, _) => Stats(session)),
        new("save", "FILE", "writes the conversation as a line of JSON, which train and generate read", (session, text, _) => Do(() => session.Talk.Save(File(text, "save"), session.Adapters.Folder))),
        new("load", "FILE", "goes on with a conversation that was saved", LoadAsync),
        new("exit", "", "ends", (session, _, _) => Do(() => session.IsOver = true)),
        new("quit", "", "ends", (session, _, _) => Do(() => session.IsOver = true)),
    ];

    /// <summary>Runs a line.</summary>
    /// <param name="session">The session.</param>
    /// <param name="line">The line, with its slash.</param>
    /// <param name="stop">Stops waiting.</param>
    /// <exception cref="UsageException">There is no such command, or it cannot be done.</exception>
    public static Task RunAsync(ChatSession session, string line, CancellationToken stop)
    {
        int space = line.AsSpan().IndexOfAny(' ', '\t', '\n');
        string name = space < 0 ? line[1..] : line[1..space], rest = space < 0 ? "" : line[space..].Trim();
        TalkCommand command = Array.Find(All, c => c.Name == name)
            ?? throw new UsageException($"there is no command /{name}; /help lists them, and a message may begin with // where it shall begin with /");
        return rest.Length > 0 && command.Arguments.Length == 0
            ? throw new UsageException($"/{name} takes nothing after it; found '{rest}'")
            : command.Run(session, rest, stop);
    }

    /// <summary>What a line could become: commands, and the names that some take.</summary>
    /// <param name="line">Its beginning.</param>
    /// <param name="adapters">The adapters.</param>
    public static IReadOnlyList<string> Complete(string line, AdapterShelf adapters)
    {
        if (!line.StartsWith('/'))
        {
            return [];
        }
        IEnumerable<string> lines = line.Contains(' ', StringComparison.Ordinal)
            ? [.. adapters.Names.Append(AdapterShelf.Bare).Select(name => "/adapter " + name), .. TalkSettings.Names.Select(name => $"/set {name}=")]
            : All.Select(command => $"/{command.Name}{(command.Arguments.Length > 0 ? " " : "")}");
        return [.. lines.Where(whole => whole.StartsWith(line, StringComparison.Ordinal))];
    }

    private static Task Do(Action action)
    {
        action();
        return Task.CompletedTask;
    }

    private static Task ShowHelp(ChatSession session)
    {
        foreach (TalkCommand command in All)
        {
            session.Note($"/{command.Name} {command.Arguments}".PadRight(18) + command.Help);
        }
        session.Note("A line that ends with \\ goes on in the next. Ctrl-C stops an answer; twice at an empty line, or Ctrl-D there, ends.");
        return Task.CompletedTask;
    }

    private static async Task AdapterAsync(ChatSession session, string text, CancellationToken stop)
    {
        if (text.Length > 0)
        {
            await session.Adapters.ChooseAsync(Words(text), stop);
        }
        session.Note($"adapter: {session.Adapters.Label}");
    }

    private static Task Adapters(ChatSession session)
    {
        AdapterShelf shelf = session.Adapters;
        int width = shelf.Names.Append(AdapterShelf.Bare).Max(name => name.Length);
        foreach (string name in shelf.Names.Prepend(AdapterShelf.Bare))
        {
            bool chosen = name == shelf.Label || shelf.Chosen.Any(share => share.Version.Name == name);
            session.Note($"{(chosen ? '*' : ' ')} {name.PadRight(width)}  {shelf.Place(name) ?? "the bare model"}");
        }
        return Task.CompletedTask;
    }

    private static Task SetSystem(ChatSession session, string text)
    {
        if (text.Length > 0)
        {
            session.Talk.System = text == AdapterShelf.Bare ? null : text;
        }
        session.Note(session.Talk.System is { } system ? $"system: {system}" : "system: nothing");
        return Task.CompletedTask;
    }

    private static Task History(ChatSession session)
    {
        foreach (Turn turn in session.Talk.All)
        {
            session.Note($"{turn.Role}: {turn.Content}");
        }
        return Task.CompletedTask;
    }

    private static Task Undo(ChatSession session)
    {
        string asked = session.Talk.Undo() ?? throw new UsageException("nothing was said yet");
        session.Note($"taken back: {asked}");
        return Task.CompletedTask;
    }

    private static Task Retry(ChatSession session)
    {
        Turn[] before = [.. session.Talk.Turns];
        if (!session.Talk.DropAnswer())
        {
            session.Talk.Turns.AddRange(before);
            throw new UsageException("nothing was asked yet");
        }
        session.Settings = session.Settings with { Sampling = session.Settings.Sampling with { Seed = session.Settings.Sampling.Seed + 1 } };
        return session.AnswerAsync(before);
    }

    private static Task Set(ChatSession session, string text)
    {
        session.Settings = session.Settings.With(Words(text));
        session.Note(session.Settings.ToString());
        return Task.CompletedTask;
    }

    private static Task Stats(ChatSession session)
    {
        RequestUsage usage = session.Usage ?? throw new UsageException("nothing was answered yet");
        double seconds = (usage.Total - usage.ToFirstToken).TotalSeconds;
        string rate = usage.GeneratedTokens > 1 && seconds > 0 ? string.Create(CultureInfo.InvariantCulture, $", then {(usage.GeneratedTokens - 1) / seconds:F1} tokens/s") : "";
        session.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"{usage.PromptTokens} tokens of conversation, {usage.CachedTokens} of them known from before; {usage.GeneratedTokens} tokens of answer, the first after {usage.ToFirstToken.TotalSeconds:F2} s{rate}"));
        return Task.CompletedTask;
    }

    private static async Task LoadAsync(ChatSession session, string text, CancellationToken stop)
    {
        (Talk talk, string? adapter) = Talk.Load(File(text, "load"));
        if (adapter is not null)
        {
            await session.Adapters.ChooseAsync([session.Adapters.Names.FirstOrDefault(name => session.Adapters.Place(name) == adapter) ?? adapter], stop);
        }
        session.Replace(talk);
        session.Note($"{talk.Turns.Count} messages; adapter: {session.Adapters.Label}");
    }

    private static string File(string text, string command) => text.Length > 0 ? text : throw new UsageException($"/{command} needs a file: /{command} FILE");

    private static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
