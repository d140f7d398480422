using Lorikeet.Models;

namespace Lorikeet.Serving.Tests;

[Collection("team")]
public sealed class BeamSearchTests : IDisposable
{
    private readonly LanguageModel model = TinyModel.Create();

    public void Dispose() => model.Dispose();

    [Fact]
    public void One_beam_is_the_greedy_answer_of_its_adapter()
    {
        using Adapter adapter = TinyModel.Adapter(model, 5);
        int[] prompt = TinyModel.Prompt(1, 9);
        Answer greedy = Answers.Run(model, new EngineOptions(), [new GenerationRequest { Prompt = prompt, Adapter = adapter, MaxTokens = 40, EndIds = [], Sampling = SamplingOptions.Greedy }])[0];
        using PagePool pool = new(1 << 26, poison: true);
        BeamAnswer answer = Assert.Single(new BeamSearch(model, pool).Run(prompt, new BeamOptions { Beams = 1, MaxTokens = 40, EndIds = [] }, adapter));
        Assert.Equal(greedy.Ids, answer.Tokens);
        Assert.Equal(0, pool.UsedBytes);
    }

    [Fact]
    public void Answers_come_best_first_with_the_scores_of_their_tokens()
    {
        using PagePool pool = new(1 << 26, poison: true);
        int[] prompt = TinyModel.Prompt(2, 40);
        BeamOptions options = new() { Beams = 5, MaxTokens = 30, EndIds = [7, 100, 3], LengthPenalty = 0.7 };
        IReadOnlyList<BeamAnswer> answers = new BeamSearch(model, pool).Run(prompt, options);
        Assert.Equal(5, answers.Count);
        Assert.Equal(5, answers.Select(a => string.Join(' ', a.Tokens)).Distinct().Count());
        Assert.Equal(answers.OrderByDescending(a => a.Score), answers);
        foreach (BeamAnswer answer in answers)
        {
            // The same tokens through the engine, each of them forced.
            double sum = 0;
            List<int> text = [.. prompt];
            foreach (int token in answer.Tokens)
            {
                using Engine engine = new(model);
                engine.Add(new GenerationRequest
                {
                    Prompt = text,
                    MaxTokens = 1,
                    LogProbabilities = true,
                    Sampling = SamplingOptions.Greedy with { LogitBias = new Dictionary<int, double> { [token] = 1e6 } },
                });
                sum += engine.Step()[0].LogProbability;
                text.Add(token);
            }
            Assert.Equal(sum / Math.Pow(answer.Tokens.Count, 0.7), answer.Score, 1e-4);
        }
        Assert.Equal(0, pool.UsedBytes);
    }

    [Fact]
    public void A_pool_that_is_too_small_is_left_as_it_was()
    {
        using PagePool pool = new(60_000);
        Assert.Throws<OutOfPagesException>(() => new BeamSearch(model, pool).Run(TinyModel.Prompt(1, 30), new BeamOptions { Beams = 8, EndIds = [] }));
        Assert.Equal(0, pool.UsedBytes);
    }

    [Fact]
    public void Bad_options_are_refused_by_name()
    {
        using PagePool pool = new(1 << 20);
        BeamSearch search = new(model, pool);
        Assert.Contains("num_beams", Assert.Throws<ArgumentException>(() => search.Run([1], new BeamOptions { Beams = 0 })).Message, StringComparison.Ordinal);
        Assert.Contains("temperature", Assert.Throws<ArgumentException>(() => search.Run([1], new BeamOptions { Sampling = SamplingOptions.Greedy })).Message, StringComparison.Ordinal);
        Assert.Contains("0 tokens", Assert.Throws<ArgumentException>(() => search.Run([], new BeamOptions())).Message, StringComparison.Ordinal);
    }
}
