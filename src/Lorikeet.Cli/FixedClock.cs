namespace Lorikeet.Cli;

/// <summary>A clock that stands still, in a time zone without an offset.</summary>
/// <param name="now">The local time it shows.</param>
internal sealed class FixedClock(DateTime now) : TimeProvider
{
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override DateTimeOffset GetUtcNow() => new(DateTime.SpecifyKind(now, DateTimeKind.Unspecified), TimeSpan.Zero);
}
