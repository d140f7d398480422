using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests;

public class RankShareTests
{
    [Theory]
    [InlineData(2, BatchKind.Tokens)]
    [InlineData(3, BatchKind.Tokens)]
    [InlineData(5, BatchKind.Tokens)]
    [InlineData(2, BatchKind.Pairs)]
    [InlineData(3, BatchKind.Pairs)]
    public void Every_sequence_is_one_ranks(int count, BatchKind kind)
    {
        CounterRandom random = new(8);
        for (int round = 0; round < 40; round++)
        {
            int[] lengths = [.. Enumerable.Range(0, 2 * random.Integer((ulong)round, 6)).Select(i => 1 + random.Integer((ulong)((round * 50) + i), 30))];
            int total = lengths.Sum();
            Batch whole = new([.. Enumerable.Range(0, total)], [.. Enumerable.Range(1, total)], lengths, kind: kind);
            List<Batch> parts = [.. Enumerable.Range(0, count).Select(rank => new RankShare(new Same(rank, count), 1).Part(whole))];
            Assert.Equal(whole.Tokens, parts.SelectMany(p => p.Tokens));
            Assert.Equal(whole.Targets, parts.SelectMany(p => p.Targets));
            Assert.Equal(whole.Lengths, parts.SelectMany(p => p.Lengths));
            Assert.Equal(whole.TargetCount, parts.Sum(p => p.TargetCount));
            Assert.All(parts, p => Assert.Equal(kind, p.Kind));
            // About even: no rank has more than its share and one item.
            int item = kind == BatchKind.Pairs ? lengths.Chunk(2).Select(c => c.Sum()).DefaultIfEmpty(0).Max() : lengths.DefaultIfEmpty(0).Max();
            Assert.All(parts, p => Assert.True(p.Tokens.Length <= (total / count) + item, $"{p.Tokens.Length} of {total} tokens"));
        }
    }

    [Fact]
    public void Whole_batches_are_shared_where_they_divide_evenly()
    {
        RankShare first = new(new Same(0, 2), 4), second = new(new Same(1, 2), 4), uneven = new(new Same(1, 2), 3);
        Assert.Equal([true, true, false, false], Enumerable.Range(0, 4).Select(first.Owns));
        Assert.Equal([false, false, true, true], Enumerable.Range(0, 4).Select(second.Owns));
        Assert.All(Enumerable.Range(0, 3), micro => Assert.True(uneven.Owns(micro)));
    }

    [Fact]
    public void Gradients_of_every_size_are_summed_and_absent_ones_appear_where_another_rank_has_them()
    {
        // Small ones travel together, large ones in pieces of 2^18 numbers.
        int[] sizes = [3, 1, (1 << 18) - 2, 7, 1 << 18, (1 << 19) + 5, 11, 2];
        Parameter[] parameters = [.. sizes.Select((n, i) => new Parameter($"p{i}", Storage.Zeros(new Shape(n))))];
        for (int p = 0; p < parameters.Length; p++)
        {
            if (p is not (1 or 7))
            {
                Span<float> gradient = parameters[p].GradientToWrite(out _).Span;
                for (int i = 0; i < gradient.Length; i++)
                {
                    gradient[i] = p + (i % 1000);
                }
            }
        }
        using Trainee trainee = new(
            "t", null, [new ParameterGroup("all", parameters, 0)], new FixedBatches([new Batch([1], [1], [1])]), new SignSgd(), Schedule.Create("constant", new ScheduleSettings { Rate = 1 }), null);
        double[] losses = [1.5];
        // The other rank has the same, and a gradient of the second parameter as well.
        new RankShare(new Same(0, 2) { Extra = 1 + 1 }, 1).Sum(losses, [trainee]);
        Assert.Equal(3.0, losses[0]);
        for (int p = 0; p < parameters.Length; p++)
        {
            if (p == 7)
            {
                Assert.False(parameters[p].HasGradient);
                continue;
            }
            Span<float> gradient = parameters[p].Gradient.Span;
            for (int i = 0; i < gradient.Length; i++)
            {
                Assert.Equal(p == 1 ? 0 : 2f * (p + (i % 1000)), gradient[i]);
            }
        }
        Array.ForEach(parameters, p => p.Dispose());
    }

    /// <summary>Ranks that all have the same numbers.</summary>
    private sealed class Same(int rank, int count) : IRanks
    {
        /// <summary>The place in a message of float64 numbers where another rank has one that this one lacks; 0: nowhere.</summary>
        public int Extra { get; init; }

        public int Rank => rank;

        public int Count => count;

        public int Writer => 0;

        public void Sum(Span<float> values)
        {
            foreach (ref float value in values)
            {
                value *= count;
            }
        }

        public void Sum(Span<double> values)
        {
            for (int i = 0; i < values.Length; i++)
            {
                values[i] *= count;
            }
            if (Extra > 0)
            {
                values[Extra] += 1;
            }
        }
    }
}
