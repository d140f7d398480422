using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

/// <summary>The selection equals a full sort.</summary>
public class SelectionTests
{
    [Theory]
    [InlineData(1, 1f)]
    [InlineData(7, 3f)]
    [InlineData(300, 0.01f)]
    [InlineData(5000, 2f)]
    [InlineData(5000, 1e37f)]
    [InlineData(5000, 1e-40f)]
    public void The_cut_is_where_a_sort_would_cut(int count, float deviation)
    {
        SelectionBin[] bins = new SelectionBin[Selection.BinCount];
        for (ulong seed = 0; seed < 30; seed++)
        {
            CounterRandom random = new(seed);
            float[] keys = new float[count], weights = new float[count];
            random.FillNormal(keys, deviation);
            for (int i = 0; i < count; i++)
            {
                // Few values, so that there are ties, and some items that are not there.
                keys[i] = seed % 3 == 0 ? MathF.Round(keys[i] / deviation * 2) * deviation : keys[i];
                keys[i] = seed % 4 == 1 && i % 3 == 0 && i > 0 ? float.NegativeInfinity : keys[i];
                weights[i] = float.IsNegativeInfinity(keys[i]) ? 0 : 1 + (float)Math.Round(keys[i] / (double)deviation);
            }
            foreach (double share in new[] { 0, 0.1, 0.5, 0.9, 0.999, 1 })
            {
                double mass = share * weights.Sum(w => Math.Abs(w));
                int least = 1 + (int)(seed % 5);
                float[] positive = [.. weights.Select(Math.Abs)];
                Cut cut = Selection.Find(keys, positive, mass, least, bins);
                int reached = 0;
                double sum = 0;
                int[] order = [.. Enumerable.Range(0, count).Where(i => keys[i] > float.NegativeInfinity).OrderByDescending(i => keys[i]).ThenBy(i => i)];
                foreach (int i in order)
                {
                    reached++;
                    sum += positive[i];
                    if (sum >= mass && reached >= least)
                    {
                        break;
                    }
                }
                Assert.Equal(keys[order[reached - 1]], cut.Key);
            }
        }
    }

    [Fact]
    public void Of_ties_at_the_cut_as_many_count_as_the_sum_needs()
    {
        SelectionBin[] bins = new SelectionBin[Selection.BinCount];
        float[] keys = [1, 3, 1, 2, 1, 1], weights = [0.1f, 0.4f, 0.1f, 0.2f, 0.1f, 0.1f];
        Assert.Equal(new Cut(1, 2), Selection.Find(keys, weights, 0.75, 1, bins));
        Assert.Equal(new Cut(2, 1), Selection.Find(keys, weights, 0.5, 1, bins));
        Assert.Equal(new Cut(1, 3), Selection.Find(keys, weights, 0.5, 5, bins));
    }
}
