using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Lorikeet.Models;
using Lorikeet.Models.Text;

namespace Lorikeet.Serving;

/// <summary>An engine behind a queue: any number of callers at once share its batches, one thread runs its steps.</summary>
public sealed class TextGenerator : IDisposable
{
    private readonly Engine engine;
    private readonly Thread worker;
    private readonly object gate = new();
    private readonly Queue<Call> arrived = [];
    private readonly Queue<Call> left = [];
    private readonly Dictionary<int, (Call Call, int Index)> owners = [];
    private bool closing;
    private bool stopped;

    /// <summary>Starts a generator.</summary>
    /// <param name="model">The model; the caller keeps it, and does not use it while answers are generated.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="options">The engine's limits; null: the defaults.</param>
    public TextGenerator(LanguageModel model, Tokenizer tokenizer, EngineOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        engine = new Engine(model, options, tokenizer);
        Tokenizer = tokenizer;
        worker = new Thread(Work) { IsBackground = true, Name = "lorikeet engine" };
        worker.Start();
    }

    /// <summary>The tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Generates the answers to one or more requests, which enter the queue together.</summary>
    /// <param name="requests">The requests.</param>
    /// <param name="stop">Cancels all of them.</param>
    /// <returns>
    /// Events as they come; <see cref="GenerationEvent.Id"/> is the request's place in the list. It ends when all answers have; where the caller leaves
    /// before, it ends when the step in progress has: from then on the requests' adapters are not used any more.
    /// </returns>
    /// <exception cref="ArgumentException">A request cannot be met; the others of the call are cancelled.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> was signalled.</exception>
    public async IAsyncEnumerable<GenerationEvent> GenerateAsync(
        IReadOnlyList<GenerationRequest> requests, [EnumeratorCancellation] CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        Call call = new(requests);
        Arrive(call);
        try
        {
            await foreach (GenerationEvent next in call.Events.Reader.ReadAllAsync(stop).ConfigureAwait(false))
            {
                yield return next;
            }
        }
        finally
        {
            await LeaveAsync(call).ConfigureAwait(false);
        }
    }

    /// <summary>Generates the whole text of one answer.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="settings">Everything but the prompt; its own prompt is not used. Null: the defaults.</param>
    /// <param name="stop">Cancels it.</param>
    public async Task<string> GenerateTextAsync(string prompt, GenerationRequest? settings = null, CancellationToken stop = default)
    {
        GenerationRequest request = (settings ?? new GenerationRequest { Prompt = [] }) with { Prompt = Tokenizer.Encode(prompt) };
        System.Text.StringBuilder text = new();
        await foreach (GenerationEvent next in GenerateAsync([request], stop).ConfigureAwait(false))
        {
            text.Append(next.Text);
        }
        return text.ToString();
    }

    /// <summary>Ends all answers and stops the thread.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            closing = true;
            Monitor.Pulse(gate);
        }
        worker.Join();
        engine.Dispose();
    }

    private void Arrive(Call call)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(closing, this);
            arrived.Enqueue(call);
            Monitor.Pulse(gate);
        }
    }

    /// <summary>Also where the caller stops listening half way: it may free its adapters next, so the step that reads them must be over.</summary>
    private Task LeaveAsync(Call call)
    {
        lock (gate)
        {
            if (stopped || call.Events.Reader.Completion.IsCompleted)
            {
                return Task.CompletedTask;
            }
            left.Enqueue(call);
            Monitor.Pulse(gate);
        }
        return call.Gone.Task;
    }

    private void Work()
    {
        while (Receive())
        {
            try
            {
                foreach (GenerationEvent next in engine.Step())
                {
                    Deliver(next);
                }
            }
#pragma warning disable CA1031 // A step that fails ends the answers it was for, with its error; the thread goes on for others.
            catch (Exception e)
#pragma warning restore CA1031
            {
                EndAll(e);
            }
        }
        EndAll(new ObjectDisposedException(nameof(TextGenerator)));
        lock (gate)
        {
            stopped = true;
            while (left.TryDequeue(out Call? call))
            {
                call.Gone.SetResult();
            }
        }
    }

    /// <summary>Waits for something to do and takes what arrived; false: close.</summary>
    private bool Receive()
    {
        lock (gate)
        {
            while (!closing && arrived.Count + left.Count == 0 && !engine.HasWork)
            {
                Monitor.Wait(gate);
            }
            while (arrived.TryDequeue(out Call? call))
            {
                Begin(call);
            }
            while (left.TryDequeue(out Call? call))
            {
                End(call);
                call.Gone.SetResult();
            }
            return !closing;
        }
    }

    private void Begin(Call call)
    {
        try
        {
            for (int i = 0; i < call.Requests.Count; i++)
            {
                owners[engine.Add(call.Requests[i])] = (call, i);
                call.Open++;
            }
            if (call.Open == 0)
            {
                call.Events.Writer.TryComplete();
            }
        }
#pragma warning disable CA1031 // Whatever is wrong with a request is its caller's matter; the thread goes on for others.
        catch (Exception e)
#pragma warning restore CA1031
        {
            End(call);
            call.Events.Writer.TryComplete(e);
        }
    }

    private void End(Call call)
    {
        foreach (int id in owners.Where(o => o.Value.Call == call).Select(o => o.Key).ToArray())
        {
            engine.Cancel(id);
            owners.Remove(id);
        }
    }

    private void Deliver(in GenerationEvent next)
    {
        // The last event of a cancelled answer has nobody to go to.
        if (!owners.TryGetValue(next.Id, out (Call Call, int Index) owner))
        {
            return;
        }
        owner.Call.Events.Writer.TryWrite(next with { Id = owner.Index });
        if (next.Finish != FinishReason.None)
        {
            owners.Remove(next.Id);
            if (--owner.Call.Open == 0)
            {
                owner.Call.Events.Writer.TryComplete();
            }
        }
    }

    private void EndAll(Exception error)
    {
        foreach ((int id, (Call call, _)) in owners)
        {
            engine.Cancel(id);
            call.Events.Writer.TryComplete(error);
        }
        owners.Clear();
    }

    private sealed class Call(IReadOnlyList<GenerationRequest> requests)
    {
        public IReadOnlyList<GenerationRequest> Requests { get; } = requests;

        public Channel<GenerationEvent> Events { get; } =
            Channel.CreateUnbounded<GenerationEvent>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

        public int Open { get; set; }

        /// <summary>The engine has let go of the requests of a caller that left.</summary>
        public TaskCompletionSource Gone { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
