namespace Lorikeet.Kernels.Tests;

[Collection("team")]
public unsafe class TeamTests
{
    private struct CountJob : IJob
    {
        public int* Counts;

        public readonly void Execute(int chunk) => Interlocked.Increment(ref Counts[chunk]);
    }

    private struct ThrowJob : IJob
    {
        public readonly void Execute(int chunk)
        {
            if (chunk == 3)
            {
                throw new InvalidOperationException("chunk 3");
            }
        }
    }

    private struct NestedJob : IJob
    {
        public int* Counts;

        public readonly void Execute(int chunk)
        {
            CountJob inner = new() { Counts = Counts + chunk * 4 };
            Team.Shared.Run(ref inner, 4);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void Every_chunk_runs_exactly_once_through_thousands_of_jobs(int threads)
    {
        using Team team = new(threads);
        int* counts = stackalloc int[64];
        CountJob job = new() { Counts = counts };
        for (int round = 0; round < 5000; round++)
        {
            new Span<int>(counts, 64).Clear();
            int chunks = round % 65;
            team.Run(ref job, chunks);
            for (int i = 0; i < 64; i++)
            {
                Assert.Equal(i < chunks ? 1 : 0, counts[i]);
            }
        }
    }

    [Fact]
    public void Jobs_inside_jobs_and_from_other_threads_are_done_by_their_caller()
    {
        int[] all = new int[4 * 64 * 4];
        Parallel.For(0, 4, thread =>
        {
            fixed (int* counts = &all[thread * 256])
            {
                for (int round = 0; round < 200; round++)
                {
                    NestedJob job = new() { Counts = counts };
                    Team.Shared.Run(ref job, 64);
                }
            }
        });
        Assert.All(all, count => Assert.Equal(200, count));
    }

    [Fact]
    public void A_chunk_that_throws_is_reported_and_the_team_goes_on()
    {
        using Team team = new(2);
        ThrowJob failing = default;
        AggregateException error = Assert.Throws<AggregateException>(() => team.Run(ref failing, 8));
        Assert.IsType<InvalidOperationException>(error.InnerException);
        int* counts = stackalloc int[8];
        CountJob job = new() { Counts = counts };
        team.Run(ref job, 8);
        Assert.Equal(1, counts[7]);
    }
}
