namespace Lorikeet.Training;

/// <summary>Tokens and seconds of the last steps, older ones fading.</summary>
internal sealed class RunSpeed
{
    private const double Fade = 0.9;
    private double tokens;
    private double seconds;
    private double steps;

    /// <summary>Tokens each second.</summary>
    public double TokensPerSecond => seconds > 0 ? tokens / seconds : 0;

    /// <summary>Takes a step in.</summary>
    public void Add(long newTokens, double newSeconds)
    {
        tokens = (tokens * Fade) + newTokens;
        seconds = (seconds * Fade) + newSeconds;
        steps = (steps * Fade) + 1;
    }

    /// <summary>The time that so many steps will take.</summary>
    public TimeSpan Remaining(int left) => steps > 0 ? TimeSpan.FromSeconds(left * seconds / steps) : default;
}
