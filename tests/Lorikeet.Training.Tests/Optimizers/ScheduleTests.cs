namespace Lorikeet.Training.Tests.Optimizing;

public class ScheduleTests
{
    [Fact]
    public void Warm_up_begins_at_nothing_and_ends_at_the_peak()
    {
        Schedule schedule = Schedule.Create("cosine", new ScheduleSettings { Rate = 0.5, Warmup = 4, Steps = 10 });
        Assert.Equal([0, 0.125, 0.25, 0.375, 0.5], Enumerable.Range(0, 5).Select(schedule.Rate));
        Assert.True(schedule.Rate(9) < 0.1);
    }

    [Fact]
    public void What_cannot_be_is_refused()
    {
        Assert.Contains("zigzag", Assert.Throws<NotSupportedException>(() => Schedule.Create("zigzag", new ScheduleSettings { Rate = 1 })).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Schedule.Create("linear", new ScheduleSettings { Rate = double.NaN }));
        Assert.Throws<ArgumentException>(() => Schedule.Create("linear", new ScheduleSettings { Rate = 1, Warmup = -1 }));
        Assert.Throws<ArgumentException>(() => Schedule.Create("cosine_with_min_lr", new ScheduleSettings { Rate = 1, Steps = 5 }));
    }
}
