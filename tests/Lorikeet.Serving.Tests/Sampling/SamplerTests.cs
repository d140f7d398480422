using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

public class SamplerTests
{
    private readonly SamplingScratch scratch = new(6);

    [Fact]
    public void Draws_follow_the_distribution()
    {
        float[] scores = [MathF.Log(0.5f), MathF.Log(0.3f), float.NegativeInfinity, MathF.Log(0.15f), MathF.Log(0.05f), float.NegativeInfinity];
        double[] expected = [0.5, 0.3, 0, 0.15, 0.05, 0];
        Sampler sampler = new(new SamplingOptions { Seed = 11 }, []);
        int[] counts = new int[6];
        const int draws = 200_000;
        for (int position = 0; position < draws; position++)
        {
            counts[sampler.Draw(scores, position, scratch)]++;
        }
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
        float[] scores = new float[6];
        int[] first = Draw(1), again = Draw(1), other = Draw(2);
        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
        Assert.True(first.Distinct().Count() > 4);

        int[] Draw(ulong seed)
        {
            Sampler sampler = new(new SamplingOptions { Seed = seed }, []);
            int[] tokens = new int[50];
            // From the last position to the first: no draw knows of another.
            for (int i = 49; i >= 0; i--)
            {
                tokens[i] = sampler.Draw(scores, i, scratch);
            }
            return tokens;
        }
    }

    [Fact]
    public void The_greedy_choice_is_the_lowest_id_of_the_best()
    {
        Sampler sampler = new(SamplingOptions.Greedy with { TopK = 2, TopP = 0.1 }, []);
        Assert.True(sampler.IsPlainGreedy);
        Assert.Equal(1, sampler.Draw([0, 5, 5, 1, 5, 0], 0, scratch));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Scores_that_are_no_numbers_give_no_token(float bad)
    {
        foreach (double temperature in new[] { 0.0, 1.0 })
        {
            Sampler sampler = new(new SamplingOptions { Temperature = temperature }, []);
            Assert.Equal(-1, sampler.Draw([0, 1, bad, 0, 0, 0], 0, scratch));
        }
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
    public void Cuts_always_leave_a_token()
    {
        CounterRandom random = new(5);
        SamplingScratch wide = new(1000);
        float[] scores = new float[1000];
        for (ulong seed = 0; seed < 200; seed++)
        {
            (random with { StreamId = seed }).FillNormal(scores, seed % 2 == 0 ? 0.001f : 30f);
            float best = scores.Max();
            Sampler sampler = new(
                new SamplingOptions
                {
                    Temperature = 0.01 + random.Uniform(seed),
                    TopK = random.Integer(seed + 1000, 50),
                    TopP = random.Uniform(seed + 2000),
                    MinP = random.Uniform(seed + 3000),
                    TypicalP = 0.01 + (0.99 * random.Uniform(seed + 4000)),
                },
                []);
            sampler.Process(scores, [1], 1, wide);
            Assert.True(sampler.Draw(scores, 0, wide) >= 0);
        }
    }
}
