using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Serving.Tests;

/// <summary>The engine behind its thread: many callers, cancellation, draining, adapters by command.</summary>
[Collection("team")]
public sealed class EngineHostTests : IDisposable
{
    private static readonly GenerationRequest endless = new() { Prompt = [1], MaxTokens = 500, EndIds = [] };

    // One answer at a time of very many: none of these requests ends by itself before it is looked at.
    private static readonly EngineOptions single = new() { MaxSequences = 1 };
    private const int Many = 200;

    private readonly LanguageModel model = TinyModel.Create();

    public void Dispose() => model.Dispose();

    [Fact]
    public async Task Many_requests_with_adapters_get_the_answers_they_get_alone()
    {
        using EngineHost host = new(model, new ByteTokenizer());
        AdapterVersion[] versions = [.. Enumerable.Range(0, 20).Select(TinySource.Version)];
        GenerationRequest[] requests =
        [
            .. Enumerable.Range(0, 60).Select(i => new GenerationRequest
            {
                Prompt = TinyModel.Prompt(i, 1 + (i % 50)),
                Adapters = [new AdapterShare(versions[i % 20])],
                MaxTokens = 10,
                EndIds = [],
                Sampling = new() { Seed = (ulong)i },
            }),
        ];
        List<int>[] answers = await Task.WhenAll(requests.Select(r => Task.Run(async () =>
        {
            List<int> tokens = [];
            await using GenerationStream stream = host.Submit(r);
            await foreach (GenerationEvent next in stream)
            {
                tokens.Add(next.Token);
            }
            return tokens;
        })));
        for (int i = 0; i < requests.Length; i += 7)
        {
            Assert.Equal(Answers.Run(model, new EngineOptions { LoaderThreads = 0 }, [requests[i]])[0].Ids, answers[i]);
        }
        Assert.Equal((0, 60L), (host.InFlight, host.Statistics.Ended(FinishReason.Length)));
    }

    [Fact]
    public async Task A_cancelled_request_ends_with_its_figures_and_frees_its_pages()
    {
        using ManualResetEventSlim go = new();
        using EngineHost host = new(model);
        await using GenerationStream stream = host.Submit(endless with { Choices = 2, Constraint = _ => new Paced(10, go) });
        List<GenerationEvent> events = [];
        await foreach (GenerationEvent next in stream)
        {
            events.Add(next);
            if (events.Count == 3)
            {
                // The step in progress goes on when the engine has been told.
                stream.Cancel();
                go.Set();
            }
        }
        Assert.Equal([FinishReason.Cancelled, FinishReason.Cancelled], events[^2..].Select(e => e.Finish));
        Assert.Equal(events.Count - 2, events[^1].Usage!.GeneratedTokens);
        await host.PinAsync(TinySource.Version(1));
        Assert.Equal(0, host.Statistics.Running);
    }

    [Fact]
    public async Task A_full_queue_is_known_before_a_request_is_made()
    {
        using ManualResetEventSlim go = new();
        using EngineHost host = new(model, null, new EngineOptions { MaxSequences = 1, MaxWaiting = 2 });
        List<GenerationStream> streams = [];
        int refused = 0;
        for (int i = 0; i < 12; i++)
        {
            try
            {
                streams.Add(host.Submit(endless with { Constraint = _ => new Paced(0, go) }));
            }
            catch (EngineBusyException)
            {
                refused++;
            }
        }
        Assert.InRange(streams.Count, 2, 3);
        Assert.Equal(12 - streams.Count, refused);
        Assert.Equal(refused, host.Statistics.Refused);
        go.Set();
        foreach (GenerationStream stream in streams)
        {
            await stream.DisposeAsync();
        }
        await host.PinAsync(TinySource.Version(1));
        Assert.False(host.IsFull);
        await using GenerationStream again = host.Submit(endless with { MaxTokens = 1 });
        Assert.Equal(FinishReason.Length, (await again.Events.ReadAsync()).Finish);
    }

    [Fact]
    public async Task Draining_lets_short_ones_end_cancels_long_ones_and_takes_no_more()
    {
        using EngineHost host = new(model);
        await using GenerationStream brief = host.Submit(endless with { MaxTokens = 2 }), longer = host.Submit(endless with { Choices = 64, MaxTokens = 500 });
        await longer.Events.ReadAsync();
        await host.DrainAsync(TimeSpan.FromMilliseconds(1));
        Assert.False(host.IsAccepting);
        Assert.Throws<ObjectDisposedException>(() => host.Submit(endless));
        Assert.Equal(0, host.InFlight);
        List<GenerationEvent> events = [];
        await foreach (GenerationEvent next in longer)
        {
            events.Add(next);
        }
        Assert.Equal(64, events.Count(e => e.Finish is FinishReason.Cancelled or FinishReason.Length));
        Assert.True(brief.Events.Completion.IsCompleted || await brief.Events.WaitToReadAsync());
    }

    [Fact]
    public async Task Closing_ends_what_runs_with_an_error()
    {
        EngineHost host = new(model, null, single);
        GenerationStream stream = host.Submit(endless with { Choices = Many });
        await stream.Events.ReadAsync();
        host.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            await foreach (GenerationEvent next in stream)
            {
                Assert.True(next.Finish is FinishReason.None or FinishReason.Length);
            }
        });
        await stream.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => host.Submit(endless));
    }

    [Fact]
    public async Task Adapters_come_go_and_stay_by_command()
    {
        using EngineHost host = new(model, null, single);
        AdapterVersion version = TinySource.Version(1), broken = new("broken", new TinySource(1) { Error = new BadFileException("x: broken") });
        await host.LoadAsync(version);
        Assert.Equal(1, version.Figures.Loads);
        Assert.Equal(TinySource.Bytes(model, 1), version.Figures.Bytes);
        Assert.Contains(version, host.Statistics.ResidentAdapters);
        await host.LoadAsync(version);
        Assert.Equal(1, version.Figures.Loads);
        Assert.Contains("x: broken", (await Assert.ThrowsAsync<AdapterLoadException>(() => host.LoadAsync(broken))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<AdapterLoadException>(() => host.LoadAsync(broken));
        Assert.Equal(2, broken.Figures.LoadFailures);
        await Assert.ThrowsAsync<InvalidOperationException>(() => host.LeftAsync(version));
        Task left;
        await using (GenerationStream stream = host.Submit(endless with { Adapters = [new AdapterShare(version)], Choices = Many }))
        {
            await stream.Events.ReadAsync();
            await host.RetireAsync(version);
            left = host.LeftAsync(version);
            await host.PinAsync(broken, pinned: false);
            Assert.False(left.IsCompleted);
            Assert.True(version.Figures.Bytes > 0);
        }
        await left;
        Assert.Equal(0, version.Figures.Bytes);
        await host.LeftAsync(version);
    }

    [Fact]
    public async Task What_waits_for_a_disk_can_be_cancelled_and_expires()
    {
        TaskCompletionSource go = new();
        AdapterVersion slow = new("slow", new TinySource(1, () => go.Task));
        using EngineHost host = new(model);
        await using GenerationStream cancelled = host.Submit(endless with { Adapters = [new AdapterShare(slow)] });
        await using GenerationStream expires = host.Submit(endless with { Adapters = [new AdapterShare(slow)], Deadline = TimeSpan.FromMilliseconds(30) });
        cancelled.Cancel();
        Assert.Equal(FinishReason.Cancelled, (await cancelled.Events.ReadAsync()).Finish);
        Assert.Equal(FinishReason.Expired, (await expires.Events.ReadAsync()).Finish);
        go.SetResult();
    }

    /// <summary>Lets an answer have some tokens, and holds the engine's thread before the next one until it is told to go on.</summary>
    private sealed class Paced(int free, ManualResetEventSlim go) : ITokenConstraint
    {
        private int tokens;

        public void Mask(Span<float> scores)
        {
            if (tokens >= free)
            {
                go.Wait();
            }
        }

        public void Accept(int token) => tokens++;
    }
}
