using System.Globalization;
using System.Text;
using Lorikeet.Cli.Generate;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Chat;

/// <summary>A conversation in a terminal or a pipe: reads lines, runs commands, streams answers.</summary>
/// <param name="host">The engine; what was said before is found among its kept keys and values.</param>
/// <param name="layout">How a conversation becomes tokens.</param>
/// <param name="adapters">The adapters.</param>
/// <param name="output">Where answers go.</param>
/// <param name="notes">Where all else goes.</param>
internal sealed class ChatSession(EngineHost host, TalkLayout layout, AdapterShelf adapters, TextWriter output, TextWriter notes) : IDisposable
{
    private readonly CancellationTokenSource ending = new();
    private readonly Lock gate = new();
    private CancellationTokenSource? answering;

    /// <summary>What was said.</summary>
    public Talk Talk { get; private set; } = new();

    /// <summary>The adapters.</summary>
    public AdapterShelf Adapters => adapters;

    /// <summary>How answers are made.</summary>
    public required TalkSettings Settings { get; set; }

    /// <summary>Token ids that end an answer.</summary>
    public required IReadOnlyList<int> Ends { get; init; }

    /// <summary>True: no further line is read.</summary>
    public bool IsOver { get; set; }

    /// <summary>The figures of the last answer; null: there is none.</summary>
    public RequestUsage? Usage { get; private set; }

    /// <summary>Ctrl-C: ends the answer in progress; where there is none, the conversation.</summary>
    public void Interrupt()
    {
        lock (gate)
        {
            (answering ?? ending).Cancel();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => ending.Dispose();

    /// <summary>Reads and answers until there are no more lines.</summary>
    /// <param name="input">The lines. One that ends with a backslash goes on in the next.</param>
    /// <returns>0; 1: a line of a file or pipe could not be followed.</returns>
    /// <exception cref="OperationCanceledException">Ctrl-C ended it.</exception>
    public async Task<int> RunAsync(ITalkInput input)
    {
        int failures = 0;
        while (!IsOver)
        {
            string? line = await ReadAsync(input);
            if (line is null)
            {
                break;
            }
            try
            {
                await TakeAsync(line, input.IsTerminal);
            }
            catch (OperationCanceledException) when (!ending.IsCancellationRequested)
            {
                Note("stopped");
            }
            catch (Exception e) when (CommandLine.IsExpected(e))
            {
                Note(CommandLine.Said(e));
                failures++;
            }
        }
        return failures > 0 && !input.IsTerminal ? 1 : 0;
    }

    /// <summary>Says something that is not an answer.</summary>
    /// <param name="text">What.</param>
    public void Note(string text)
    {
        output.Flush();
        notes.WriteLine(Terminal.Safe(text));
    }

    /// <summary>Puts another conversation in the place of this one.</summary>
    /// <param name="talk">The conversation.</param>
    public void Replace(Talk talk) => Talk = talk;

    /// <summary>Answers what was said last.</summary>
    /// <param name="before">What stood before; it stands again where no answer comes.</param>
    public async Task AnswerAsync(IReadOnlyList<Turn> before)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(ending.Token);
        lock (gate)
        {
            answering = stop;
        }
        StringBuilder said = new();
        try
        {
            GenerationRequest request = Request(stop.Token);
            await using GenerationStream stream = host.Submit(request);
            await using CancellationTokenRegistration cancel = stop.Token.Register(stream.Cancel);
            GenerationEvent last = default;
            await foreach (GenerationEvent next in stream)
            {
                said.Append(next.Text);
                output.Write(Terminal.Safe(next.Text));
                output.Flush();
                last = next;
            }
            Usage = last.Usage ?? Usage;
            if (said.Length > 0 && said[^1] != '\n')
            {
                output.WriteLine();
            }
            Tell(last, request);
        }
        finally
        {
            lock (gate)
            {
                answering = null;
            }
            if (said.Length > 0)
            {
                Talk.Turns.Add(new Turn(Turn.Assistant, said.ToString()));
            }
            else
            {
                Talk.Turns.Clear();
                Talk.Turns.AddRange(before);
            }
        }
        ending.Token.ThrowIfCancellationRequested();
    }

    private async Task<string?> ReadAsync(ITalkInput input)
    {
        StringBuilder whole = new();
        while (true)
        {
            string prompt = whole.Length > 0 ? "... " : $"{adapters.Label}> ";
            // A wait for a key or a pipe knows no cancellation; at the end of the program nobody waits for it.
            string? line = await Task.Run(() => input.Read(prompt), ending.Token).WaitAsync(ending.Token);
            if (line is null)
            {
                return whole.Length > 0 ? whole.ToString() : null;
            }
            if (!line.EndsWith('\\'))
            {
                return whole.Append(line).ToString();
            }
            whole.Append(line, 0, line.Length - 1).Append('\n');
        }
    }

    private async Task TakeAsync(string line, bool terminal)
    {
        if (string.IsNullOrWhiteSpace(line))
        {
            return;
        }
        if (line[0] == '/' && !line.StartsWith("//", StringComparison.Ordinal))
        {
            await TalkCommand.RunAsync(this, line, ending.Token);
            return;
        }
        Turn[] before = [.. Talk.Turns];
        Talk.Turns.Add(new Turn(Turn.User, line[0] == '/' ? line[1..] : line));
        await AnswerAsync(before);
        if (terminal)
        {
            output.WriteLine();
        }
    }

    private GenerationRequest Request(CancellationToken stop)
    {
        int[] prompt = layout.Encode(Talk, stop);
        int longest = host.Model.Config.MaxPositions;
        return prompt.Length < longest
            ? new GenerationRequest
            {
                Prompt = prompt,
                Adapters = adapters.Chosen,
                EndIds = Ends,
                MaxTokens = Settings.MaxTokens,
                Sampling = Settings.Sampling,
                Stop = layout.Stop,
            }
            : throw new UsageException($"the conversation has {prompt.Length} tokens and the model's sequences end at {longest}: /undo takes exchanges back, /reset begins anew");
    }

    private void Tell(in GenerationEvent last, GenerationRequest request)
    {
        switch (last.Finish)
        {
            case FinishReason.Failed:
                throw last.Error ?? new InvalidOperationException("there is no answer: the scores allow no token");
            case FinishReason.Cancelled:
                Note("stopped");
                break;
            case FinishReason.Length when last.Usage?.GeneratedTokens >= request.MaxTokens:
                Note(string.Create(CultureInfo.InvariantCulture, $"cut after {request.MaxTokens} tokens; /set max_tokens=N allows more"));
                break;
            case FinishReason.Length:
                Note(string.Create(
                    CultureInfo.InvariantCulture,
                    $"cut: the model's sequences end at {host.Model.Config.MaxPositions} tokens; /undo takes exchanges back, /reset begins anew"));
                break;
        }
    }
}
