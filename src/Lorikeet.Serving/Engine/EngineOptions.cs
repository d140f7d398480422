using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>Limits and choices of an engine.</summary>
public sealed record EngineOptions
{
    /// <summary>The most answers that are worked on at once; default 64.</summary>
    public int MaxSequences { get; init; } = 64;

    /// <summary>The most rows of one step; decode rows come first, prompts fill the rest in chunks. Default 512.</summary>
    public int MaxRows { get; init; } = 512;

    /// <summary>Bytes for keys and values of all sequences and for adapters named by <see cref="GenerationRequest.Adapters"/>; default 1 GiB.</summary>
    public long CacheBytes { get; init; } = 1L << 30;

    /// <summary>The longest sequence, prompt and answer together; 0 (default): the model's.</summary>
    public int MaxLength { get; init; }

    /// <summary>The most requests that wait; more are refused. Default: no limit.</summary>
    public int MaxWaiting { get; init; } = int.MaxValue;

    /// <summary>The most prompt tokens of requests that wait; more are refused. Default: no limit.</summary>
    public long MaxWaitingTokens { get; init; } = long.MaxValue;

    /// <summary>Which waiting request comes next: <c>fcfs</c> (default), <c>vtc</c> (fair between tenants), <c>priority</c>, or <c>abort</c> (the newest while more come than go).</summary>
    public string Queue { get; init; } = "fcfs";

    /// <summary>What is thrown out first when room is needed: <c>lru</c> (default) or <c>pages-first</c>.</summary>
    public string Eviction { get; init; } = "lru";

    /// <summary>
    /// A request is let in only when all that run could grow to their longest answers: nothing is ever preempted, and fewer run at once. Default false.
    /// </summary>
    public bool ReserveWholeAnswers { get; init; }

    /// <summary>Keys and values of prompts and answers are kept for later requests that begin alike, as long as there is room. Default true.</summary>
    public bool PrefixCaching { get; init; } = true;

    /// <summary>The most tokens that are guessed ahead from the text itself and checked in one step; 0 (default): none.</summary>
    public int DraftTokens { get; init; }

    /// <summary>For how many requests at the front of the queue adapters are read ahead; default 16.</summary>
    public int PrefetchDepth { get; init; } = 16;

    /// <summary>Threads that read adapters; 0: the step that wants one reads it, so that steps do not depend on time. Default 2.</summary>
    public int LoaderThreads { get; init; } = 2;

    /// <summary>How adapters that the engine reads keep their low-rank factors.</summary>
    public FactorStorage Factors { get; init; } = FactorStorage.Exact;

    /// <summary>Where deadlines and waiting times come from; default: the system's clock.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Fill freed pages with NaN, so that a read of a stale slot shows; for tests.</summary>
    public bool PoisonFreedPages { get; init; }

    /// <summary>Checks all values.</summary>
    /// <exception cref="ArgumentException">A value it cannot have; the message names the option, what was found and expected.</exception>
    public void Check()
    {
        Require(MaxSequences >= 1, $"MaxSequences is {MaxSequences}; expected 1 or more");
        Require(MaxRows >= 1, $"MaxRows is {MaxRows}; expected 1 or more");
        Require(CacheBytes >= 0, $"CacheBytes is {CacheBytes}; expected 0 or more");
        Require(MaxWaiting >= 1, $"MaxWaiting is {MaxWaiting}; expected 1 or more");
        Require(MaxWaitingTokens >= 1, $"MaxWaitingTokens is {MaxWaitingTokens}; expected 1 or more");
        Require(MaxLength >= 0, $"MaxLength is {MaxLength}; expected 0 (the model's) or more");
        Require(DraftTokens is >= 0 and <= 64, $"DraftTokens is {DraftTokens}; expected 0 to 64");
        Require(PrefetchDepth >= 0, $"PrefetchDepth is {PrefetchDepth}; expected 0 or more");
        Require(LoaderThreads is >= 0 and <= 64, $"LoaderThreads is {LoaderThreads}; expected 0 to 64");
        Require(QueuePolicies.Names.Contains(Queue), $"Queue is '{Queue}'; expected {string.Join(", ", QueuePolicies.Names)}");
        Require(EvictionPolicies.Names.Contains(Eviction), $"Eviction is '{Eviction}'; expected {string.Join(", ", EvictionPolicies.Names)}");
    }

    /// <summary>The longest sequence of a model, prompt and answer together.</summary>
    /// <param name="model">The model.</param>
    public int Longest(LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return MaxLength == 0 ? model.Config.MaxPositions : Math.Min(MaxLength, model.Config.MaxPositions);
    }

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new ArgumentException(message);
        }
    }
}
