namespace Lorikeet.Kernels.Tests;

public class LimitsTests
{
    [Fact]
    public void Limits_are_measured_and_plausible()
    {
        Assert.InRange(Limits.FmaGflops(1), 0.1, 2000);
        Assert.InRange(Limits.IntegerGops(1), 0.1, 20_000);
        Assert.InRange(Limits.ReadGigabytesPerSecond(1), 0.1, 2000);
    }
}
