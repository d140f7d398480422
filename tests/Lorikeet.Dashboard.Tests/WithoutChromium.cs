namespace Lorikeet.Dashboard.Tests;

/// <summary>All that is compiled where there is no browser.</summary>
public sealed class WithoutChromium
{
    [Fact(Skip = "there was no Chromium when this was built; install it, or set LORIKEET_CHROMIUM to its path, and build again")]
    public void The_dashboard_is_tested_in_a_browser() => Assert.Fail("not compiled where there is one");
}
