using Lorikeet.Kernels;

namespace Lorikeet.Tensors.Tests;

/// <summary>NOLA's sums of seeded random matrices; part of the checks 3 and 4 of its card.</summary>
public sealed class RandomBasisTests
{
    private const int Length = 3 * 4096 + 1237;
    private static readonly CounterRandom Random = new(7, 3);

    [Fact]
    [Trait("Card", "NOLA 3")]
    [Trait("Card", "NOLA 4")]
    public void The_matrix_is_one_chain_an_element_whatever_the_tiles_and_threads()
    {
        float[] c = Coefficients(21), start = new float[Length], expected = new float[Length];
        Random.Named("start").FillUniform(start, -1f, 1f);
        for (int e = 0; e < Length; e++)
        {
            float sum = start[e];
            for (int i = 0; i < c.Length; i++)
            {
                float g = MathF.FusedMultiplyAdd(Random.Uniform(((ulong)i * Length) + (ulong)e), 0.25f - -0.25f, -0.25f);
                sum = MathF.FusedMultiplyAdd(c[i], g, sum);
            }
            expected[e] = sum;
        }
        OnTeams(() =>
        {
            float[] found = new float[Length];
            foreach (int tile in (int[])[61, 256, 4096, 10_000, Length])
            {
                RandomBasis.Expand(c, Random, 0.25f, start, found, tile);
                Assert.Equal(expected, found);
            }
            RandomBasis.Expand(c, Random, 0.25f, start, found);
            Assert.Equal(expected, found);
        });
    }

    [Fact]
    public void Gradients_have_the_same_bits_on_every_team()
    {
        List<float[]> found = [];
        OnTeams(() =>
        {
            using Run run = new() { Tape = new Tape() };
            using Parameter c = new("c", Storage.Zeros(new Shape(37)));
            Coefficients(37).CopyTo(c.Value.Span);
            run.Tape.Begin(run);
            Tensor m = RandomBasis.Combine(run, run.Use(c), Random, 0.25f, default, new Shape(Length));
            using Parameter seed = new("seed", Storage.Zeros(new Shape(Length)));
            Random.Named("seed").FillUniform(seed.Value.Span, -1f, 1f);
            run.Tape.Backward(run, m, seed.Value);
            found.Add(c.Gradient.Span.ToArray());
        });
        Assert.All(found, g => Assert.Equal(found[0], g));
    }

    [Fact]
    public void A_start_of_another_length_is_refused() =>
        Assert.Throws<ArgumentException>(() => RandomBasis.Expand([1f], Random, 1f, new float[3], new float[4]));

    private static float[] Coefficients(int count)
    {
        float[] c = new float[count];
        Random.Named("c").FillUniform(c, -1f, 1f);
        return c;
    }

    private static void OnTeams(Action action)
    {
        int threads = Team.Shared.Threads;
        try
        {
            foreach (int n in (int[])[1, 2, 5])
            {
                Team.Use(n);
                action();
            }
        }
        finally
        {
            Team.Use(threads);
        }
    }
}
