using Lorikeet.Models;

namespace Lorikeet.Serving.Tests;

[Collection("team")]
public sealed class AdapterCacheTests : IDisposable
{
    private readonly LanguageModel model = TinyModel.Create();
    private readonly Dictionary<string, int> opened = [];

    public void Dispose() => model.Dispose();

    [Fact]
    public void Files_are_opened_once_for_64_adapters_and_128_requests()
    {
        using AdapterCache cache = Cache(long.MaxValue);
        using Engine engine = new(model);
        List<AdapterLease> leases = [];
        List<GenerationRequest> requests = [];
        for (int i = 0; i < 128; i++)
        {
            leases.Add(cache.Rent($"adapters/{i % 64}"));
            requests.Add(new GenerationRequest { Prompt = TinyModel.Prompt(i, 4), Adapter = leases[^1].Adapter, MaxTokens = 3, Sampling = SamplingOptions.Greedy });
        }
        List<Answer> answers = Answers.Run(engine, requests);
        Assert.Equal(64, opened.Count);
        Assert.All(opened.Values, count => Assert.Equal(1, count));
        Assert.Equal(64, cache.Loads);
        Assert.Equal(128, answers.Count(a => a.Finish == FinishReason.Length));
        leases.ForEach(l => l.Dispose());
    }

    [Fact]
    public void Unused_adapters_make_room_the_oldest_first_and_used_ones_stay()
    {
        using AdapterCache cache = Cache(1);
        AdapterLease first = cache.Rent("1"), second = cache.Rent("2");
        Assert.Equal(2, cache.Count);
        first.Dispose();
        first.Dispose();
        Assert.Equal(1, cache.Count);
        using AdapterLease again = cache.Rent("2");
        Assert.Same(second.Adapter, again.Adapter);
        second.Dispose();
        Assert.Equal(1, cache.Count);
        Assert.Equal(2, cache.Loads);
    }

    [Fact]
    public void A_folder_that_is_no_adapter_is_refused_and_leaves_nothing()
    {
        using AdapterCache cache = new(model);
        Assert.ThrowsAny<IOException>(() => cache.Rent("/nowhere"));
        Assert.Equal(0, cache.Count);
    }

    private AdapterCache Cache(long budget) => new(model, budget, path =>
    {
        opened[path] = opened.GetValueOrDefault(path) + 1;
        return TinyModel.Adapter(model, int.Parse(Path.GetFileName(path), System.Globalization.CultureInfo.InvariantCulture));
    });
}
