using System.Runtime.InteropServices;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;

namespace Lorikeet.Serving;

/// <summary>Generates for many requests at once, each with its own adapter; one <see cref="Step"/> is one pass through the model.</summary>
/// <remarks>
/// Deterministic: an answer is a function of its own request, whatever runs beside it and whenever it arrives. Not thread-safe: one caller
/// at a time; <see cref="TextGenerator"/> is the front for many.
/// </remarks>
public sealed class Engine : IDisposable
{
    private readonly EngineOptions options;
    private readonly PagePool pool;
    private readonly Scheduler scheduler;
    private readonly StepRows step;
    private readonly AdapterGroups groups = new();
    private readonly ModelRun run = new();
    private readonly SamplingScratch scratch;
    private readonly List<GenerationEvent> events = [];
    private readonly List<Sequence> cancelled = [];
    private float[] raw = [];
    private int lastId;

    /// <summary>An engine without requests.</summary>
    /// <param name="model">The model; the caller keeps it and may use it between steps.</param>
    /// <param name="options">Limits; null: the defaults.</param>
    /// <param name="tokenizer">Gives events their text and finds stop texts; null: token ids only.</param>
    /// <exception cref="ArgumentException">A limit below 1.</exception>
    public Engine(LanguageModel model, EngineOptions? options = null, Tokenizer? tokenizer = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new EngineOptions();
        Require(options.MaxSequences >= 1, $"MaxSequences is {options.MaxSequences}; expected 1 or more");
        Require(options.MaxRows >= 1, $"MaxRows is {options.MaxRows}; expected 1 or more");
        this.options = options;
        Model = model;
        Tokenizer = tokenizer;
        pool = new PagePool(options.CacheBytes, options.PoisonFreedPages);
        scheduler = new Scheduler(pool, options);
        step = new StepRows(model);
        scratch = new SamplingScratch(model.Config.VocabularySize);
    }

    /// <summary>The model.</summary>
    public LanguageModel Model { get; }

    /// <summary>The tokenizer, or null.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>True while a request has not ended.</summary>
    public bool HasWork => !scheduler.IsEmpty || cancelled.Count > 0;

    /// <summary>Requests that hold pages.</summary>
    public int Running => scheduler.Running;

    /// <summary>Requests that wait for room.</summary>
    public int Waiting => scheduler.Waiting;

    /// <summary>How often a request gave its pages to an older one and started over.</summary>
    public long Preemptions => scheduler.Preemptions;

    /// <summary>Bytes of keys and values in use.</summary>
    public long CacheBytes => pool.UsedBytes;

    /// <summary>Steps so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Rows of all steps so far.</summary>
    public long TotalRows { get; private set; }

    /// <summary>Sees the logits from which a request's next token is chosen, before any setting changes them.</summary>
    internal LogitsObserver? Observer { get; set; }

    /// <summary>Puts a request in the queue.</summary>
    /// <param name="request">The request.</param>
    /// <returns>The number under which its events come.</returns>
    /// <exception cref="ArgumentException">The request cannot be met; the message says why.</exception>
    public int Add(GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        int prompt = request.Prompt.Count, vocabulary = Model.Config.VocabularySize, longest = Model.Config.MaxPositions;
        Require(prompt > 0, "the prompt is empty; expected at least one token");
        foreach (int id in request.Prompt)
        {
            Require(id >= 0 && id < vocabulary, $"the prompt has token {id}; expected ids from 0 to {vocabulary - 1}");
        }
        Require(prompt < longest, $"the prompt has {prompt} tokens; the model's sequences end at {longest}");
        Require(request.MaxTokens >= 1, $"max_tokens is {request.MaxTokens}; expected 1 or more");
        Require(request.Stop.Count == 0 || Tokenizer is not null, "stop texts need an engine with a tokenizer");
        Require(request.Adapter is null || ReferenceEquals(request.Adapter.Model, Model), $"adapter {request.Adapter?.Name} was made for another model");
        request.Sampling.Check(vocabulary);
        int most = Math.Min(request.MaxTokens, longest - prompt);
        StateLayout layout = new(Model, request.Adapter);
        long needed = layout.Bytes(prompt + most, Math.Min(prompt + most, options.MaxRows));
        Require(needed <= pool.BudgetBytes, $"the request may need {needed} bytes of keys and values; the cache has {pool.BudgetBytes}: shorten it, or raise the cache");
        Sequence sequence = new(++lastId, request, request.EndIds ?? Model.Config.EndIds, most, layout, Tokenizer) { Group = groups.Enter(request.Adapter) };
        scheduler.Add(sequence);
        return sequence.Id;
    }

    /// <summary>Ends a request; its last event comes with the next step. One that has ended already is left alone.</summary>
    /// <param name="id">The request.</param>
    public void Cancel(int id)
    {
        if (scheduler.Find(id) is { } sequence)
        {
            Remove(sequence);
            cancelled.Add(sequence);
        }
    }

    /// <summary>Runs one pass through the model and chooses the next tokens.</summary>
    /// <returns>What it brought, valid until the next call; empty while prompts run in chunks, or where there is nothing to do.</returns>
    public ReadOnlySpan<GenerationEvent> Step()
    {
        events.Clear();
        foreach (Sequence sequence in cancelled)
        {
            events.Add(sequence.End(FinishReason.Cancelled));
        }
        cancelled.Clear();
        scheduler.Schedule();
        if (scheduler.Scheduled.Count > 0)
        {
            Forward();
        }
        return CollectionsMarshal.AsSpan(events);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        scheduler.Clear();
        run.Dispose();
        pool.Dispose();
    }

    private void Forward()
    {
        List<Sequence> scheduled = scheduler.Scheduled;
        step.Set(scheduled);
        run.Arena.Reset();
        run.Rows = step.Rows;
        run.Plan = step.Plan;
        Tensor hidden = Model.Forward(run, Input.Of(step.Ids));
        Tensor sampled = step.AllSample ? hidden : LastRows(hidden, scheduled);
        if (sampled.Exists)
        {
            run.Plan = step.HeadPlan;
            Sample(Model.Logits(run, sampled), scheduled);
        }
        else
        {
            foreach (Sequence sequence in scheduled)
            {
                sequence.State!.Append(sequence.Rows);
            }
        }
        Steps++;
        TotalRows += step.Rows.Count;
    }

    // The head is the widest product: it runs for the rows that need it.
    private Tensor LastRows(in Tensor hidden, List<Sequence> scheduled)
    {
        int count = 0;
        foreach (Sequence sequence in scheduled)
        {
            count += sequence.Samples ? 1 : 0;
        }
        if (count == 0)
        {
            return default;
        }
        Tensor rows = run.Allocate(count, hidden.Width);
        int row = 0, at = 0;
        foreach (Sequence sequence in scheduled)
        {
            row += sequence.Rows;
            if (sequence.Samples)
            {
                hidden.Row(row - 1).CopyTo(rows.Row(at++));
            }
        }
        return rows;
    }

    private void Sample(in Tensor logits, List<Sequence> scheduled)
    {
        int at = 0;
        foreach (Sequence sequence in scheduled)
        {
            bool samples = sequence.Samples;
            sequence.State!.Append(sequence.Rows);
            if (samples)
            {
                GenerationEvent next = Choose(sequence, logits.Row(at++));
                events.Add(next);
                if (next.Finish != FinishReason.None)
                {
                    Remove(sequence);
                }
            }
        }
    }

    private GenerationEvent Choose(Sequence sequence, Span<float> scores)
    {
        Observer?.Invoke(sequence.Id, sequence.Count, scores);
        float logSum = float.NaN;
        if (sequence.Request.LogProbabilities)
        {
            Softmax.LogSumExpRows(scores, scores.Length, new Span<float>(ref logSum));
            raw = raw.Length == scores.Length ? raw : new float[scores.Length];
            scores.CopyTo(raw);
        }
        int token = sequence.Sampler.Choose(scores, sequence.Tokens, sequence.PromptLength, scratch);
        return token < 0
            ? sequence.End(FinishReason.Failed)
            : sequence.Append(token, sequence.Request.LogProbabilities ? raw[token] - logSum : float.NaN);
    }

    private void Remove(Sequence sequence)
    {
        scheduler.Remove(sequence);
        groups.Leave(sequence.Adapter);
    }

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new ArgumentException(message);
        }
    }
}

/// <summary>Sees logits.</summary>
/// <param name="id">The request.</param>
/// <param name="position">The place of the token that is chosen from them.</param>
/// <param name="logits">[vocabulary].</param>
internal delegate void LogitsObserver(int id, int position, ReadOnlySpan<float> logits);
