using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

public class SamplerTests
{
    private readonly SamplingScratch scratch = new(6);

    [Fact]
    public void Draws_follow_the_distribution()
    {
        double[] expected = [0.5, 0.3, 0, 0.15, 0.05, 0];
        float[] scores = new float[6];
        int[] text = new int[20_000], counts = new int[6];
        for (ulong seed = 0; seed < 10; seed++)
        {
            Sampler sampler = new(new SamplingOptions { Seed = seed, SuppressTokens = [2, 5] }, []);
            for (int position = 0; position < text.Length; position++)
            {
                for (int i = 0; i < 6; i++)
                {
                    scores[i] = expected[i] > 0 ? (float)Math.Log(expected[i]) : 3;
                }
                counts[sampler.Choose(scores, text.AsSpan(0, position), 0, scratch)]++;
            }
        }
        int draws = counts.Sum();
        for (int i = 0; i < 6; i++)
        {
            // Five standard deviations.
            Assert.InRange(counts[i] - (draws * expected[i]), -5 * Math.Sqrt(draws * 0.25), 5 * Math.Sqrt(draws * 0.25));
        }
        Assert.Equal(0, counts[2] + counts[5]);
    }

    [Fact]
    public void A_token_depends_on_seed_position_and_scores_only()
    {
        int[] first = Draw(1), again = Draw(1), other = Draw(2);
        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
        Assert.True(first.Distinct().Count() > 4);

        int[] Draw(ulong seed)
        {
            Sampler sampler = new(new SamplingOptions { Seed = seed }, []);
            int[] tokens = new int[50], text = new int[50];
            // From the last position to the first: no draw knows of another.
            for (int i = 49; i >= 0; i--)
            {
                tokens[i] = sampler.Choose(new float[6], text.AsSpan(0, i), 0, scratch);
            }
            return tokens;
        }
    }

    [Fact]
    public void The_greedy_choice_is_the_lowest_id_of_the_best()
    {
        Sampler sampler = new(SamplingOptions.Greedy with { TopK = 2, TopP = 0.1 }, []);
        Assert.Equal(1, sampler.Choose([0, 5, 5, 1, 5, 0], [], 0, scratch));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Scores_that_are_no_numbers_give_no_token(float bad)
    {
        foreach (SamplingOptions options in new[] { SamplingOptions.Greedy, new SamplingOptions(), new SamplingOptions { TopK = 2, TypicalP = 0.5 } })
        {
            Assert.Equal(-1, new Sampler(options, []).Choose([0, 1, bad, 0, 0, 0], [], 0, scratch));
            // Nor where a setting makes them so, or rules everything out.
            Assert.Equal(-1, new Sampler(options with { SuppressTokens = [0, 1, 2, 3, 4, 5] }, []).Choose(new float[6], [], 0, scratch));
        }
    }

    [Fact]
    public void Extreme_settings_choose_a_token_and_come_to_an_end()
    {
        SamplingOptions huge = new() { LogitBias = new Dictionary<int, double> { [1] = 1e30, [3] = -1e30 }, Temperature = 1e-6, TopK = 3, TopP = 0.5, TypicalP = 0.5 };
        Assert.Equal(3, new Sampler(huge, []).Choose([9, 1e9f, 0, 3e38f, 0, -3e38f], [], 0, scratch));
        SelectionBin[] bins = new SelectionBin[Selection.BinCount];
        Selection.Find([1, float.PositiveInfinity, 3, float.NaN], default, 2, 1, bins);
    }

    [Fact]
    public void Counts_are_clean_between_answers()
    {
        Sampler sampler = new(new SamplingOptions { RepetitionPenalty = 2, PresencePenalty = 1, FrequencyPenalty = 0.5 }, []);
        float[] once = [4, 4, 4, -4, -4, -4], twice = [4, 4, 4, -4, -4, -4];
        sampler.Process(once, [0, 3, 0, 1, 1], 3, scratch);
        sampler.Process(twice, [0, 3, 0, 1, 1], 3, scratch);
        Assert.Equal<float>([2, 0, 4, -8, -4, -4], once);
        Assert.Equal(once, twice);
    }

    [Fact]
    public void The_choice_is_one_of_the_tokens_that_processing_leaves()
    {
        CounterRandom random = new(5);
        SamplingScratch wide = new(1000);
        float[] scores = new float[1000];
        for (ulong seed = 0; seed < 300; seed++)
        {
            (random with { StreamId = seed }).FillNormal(scores, seed % 2 == 0 ? 0.001f : 30f);
            Sampler sampler = new(
                new SamplingOptions
                {
                    Temperature = 0.01 + random.Uniform(seed),
                    TopK = random.Integer(seed + 1000, seed % 3 == 0 ? 600 : 50),
                    TopP = random.Uniform(seed + 2000),
                    MinP = random.Uniform(seed + 3000),
                    TypicalP = 0.01 + (0.99 * random.Uniform(seed + 4000)),
                    Seed = seed,
                },
                []);
            float[] processed = [.. scores];
            sampler.Process(processed, [1], 1, wide);
            int token = sampler.Choose(scores, [1], 1, wide);
            Assert.True(token >= 0 && processed[token] > float.NegativeInfinity);
        }
    }
}
