using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

[Collection("team")]
public sealed class TextGeneratorTests : IDisposable
{
    private readonly LanguageModel model = TinyModel.Create();

    public void Dispose() => model.Dispose();

    [Fact]
    public async Task Many_callers_at_once_get_the_answers_they_would_get_alone()
    {
        using TextGenerator generator = new(model, new ByteTokenizer());
        GenerationRequest settings = new() { Prompt = [], MaxTokens = 30, Sampling = new() { Seed = 1 } };
        string[] prompts = [.. Enumerable.Range(0, 24).Select(i => $"prompt number {i}")];
        List<string> alone = [];
        foreach (string prompt in prompts)
        {
            alone.Add(await generator.GenerateTextAsync(prompt, settings));
        }
        string[] together = await Task.WhenAll(prompts.Select(p => Task.Run(() => generator.GenerateTextAsync(p, settings))));
        Assert.Equal(alone, together);
        Assert.True(alone.Distinct().Count() > 20);
    }

    [Fact]
    public async Task Events_of_a_list_carry_their_place_and_end_once_each()
    {
        using TextGenerator generator = new(model, new ByteTokenizer());
        int[] ends = new int[5];
        await foreach (GenerationEvent next in generator.GenerateAsync([.. Enumerable.Range(1, 5).Select(i => new GenerationRequest { Prompt = [i], MaxTokens = i, EndIds = [] })]))
        {
            ends[next.Id] += next.Finish == FinishReason.Length ? 1 : 0;
        }
        Assert.Equal([1, 1, 1, 1, 1], ends);
    }

    [Fact]
    public async Task A_caller_that_leaves_cancels_its_answers_and_others_go_on()
    {
        using TextGenerator generator = new(model, new ByteTokenizer());
        GenerationRequest endless = new() { Prompt = [1], MaxTokens = 500, EndIds = [] };
        await foreach (GenerationEvent next in generator.GenerateAsync([endless, endless]))
        {
            Assert.True(next.Token >= 0);
            break;
        }
        using CancellationTokenSource stop = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (GenerationEvent next in generator.GenerateAsync([endless], stop.Token))
            {
                await stop.CancelAsync();
            }
        });
        Assert.NotNull(await generator.GenerateTextAsync("x", endless with { MaxTokens = 3 }));
    }

    [Fact]
    public async Task A_caller_that_leaves_gets_away_when_its_adapter_is_not_used_any_more()
    {
        using ManualResetEventSlim entered = new(), go = new();
        using Adapter adapter = new("waits", model);
        adapter.Set(model.FinalNorm!, new WaitingSite(entered, go));
        using TextGenerator generator = new(model, new ByteTokenizer());
        using CancellationTokenSource stop = new();
        Task leaving = Task.Run(async () =>
        {
            await foreach (GenerationEvent next in generator.GenerateAsync([new GenerationRequest { Prompt = [1], Adapter = adapter }], stop.Token))
            {
                Assert.Fail($"an event came: {next}");
            }
        });
        Assert.True(entered.Wait(Lorikeet.Testing.Wait.Longest));
        await stop.CancelAsync();
        // The step stands still until go: that the caller does not leave meanwhile can only be watched for a while.
        bool early = await Task.WhenAny(leaving, Task.Delay(200)) == leaving;
        go.Set();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        Assert.False(early);
    }

    [Fact]
    public async Task A_request_that_makes_no_sense_at_all_does_not_stop_the_thread()
    {
        using TextGenerator generator = new(model, new ByteTokenizer());
        GenerationRequest good = new() { Prompt = [1], MaxTokens = 3 };
        await Assert.ThrowsAsync<NullReferenceException>(async () =>
        {
            await foreach (GenerationEvent next in generator.GenerateAsync([good with { Sampling = null! }]))
            {
                Assert.Fail($"an event came: {next}");
            }
        });
        Assert.NotNull(await generator.GenerateTextAsync("x", good));
    }

    [Fact]
    public async Task A_request_that_cannot_be_met_reaches_its_caller()
    {
        using TextGenerator generator = new(model, new ByteTokenizer());
        GenerationRequest good = new() { Prompt = [1], MaxTokens = 500 };
        await Assert.ThrowsAsync<ArgumentException>(async () =>
        {
            await foreach (GenerationEvent next in generator.GenerateAsync([good, good with { Prompt = [999] }]))
            {
                Assert.Fail($"an event came: {next}");
            }
        });
    }

    private sealed class WaitingSite(ManualResetEventSlim entered, ManualResetEventSlim go) : SiteAdapter
    {
        public override Tensor Forward(in SiteCall call)
        {
            entered.Set();
            go.Wait();
            return call.Base();
        }
    }
}
