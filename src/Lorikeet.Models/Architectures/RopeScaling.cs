namespace Lorikeet.Models;

/// <summary>The frequencies of the rotary angles under each kind of scaling.</summary>
/// <remarks>
/// f[i] = theta^(-2i/d), then by kind. Sources: linear, Chen et al., arXiv 2306.15595; dynamic, the NTK-aware scaling of Transformers'
/// modeling_rope_utils; llama3, the Llama 3.1 release; yarn, Peng et al., arXiv 2309.00071; longrope, Ding et al.,
/// arXiv 2402.13753.
/// </remarks>
internal static class RopeScaling
{
    /// <summary>Writes radians a position for each pair.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="length">Tokens of the whole sequence; only the dynamic and longrope kinds ask.</param>
    /// <param name="to">Receives [rotary / 2].</param>
    public static void Frequencies(RopeSettings settings, int length, Span<float> to)
    {
        double theta = settings.Kind == RopeKind.Dynamic ? GrownBase(settings, length, 2 * to.Length) : settings.Theta;
        (double low, double high) = settings.Kind == RopeKind.Yarn ? Ramp(settings, 2 * to.Length) : default;
        for (int i = 0; i < to.Length; i++)
        {
            double f = Math.Pow(theta, -2.0 * i / (2 * to.Length));
            to[i] = (float)(settings.Kind switch
            {
                RopeKind.Linear => f / settings.Factor,
                RopeKind.Llama3 => Llama3(settings, f),
                RopeKind.LongRope => f / (length > settings.OriginalPositions ? settings.LongFactors : settings.ShortFactors)[i],
                RopeKind.Yarn => Mix(f, f / settings.Factor, Math.Clamp((i - low) / (high - low), 0, 1)),
                _ => f,
            });
        }
    }

    /// <summary>theta (s n / P - (s - 1))^(d / (d - 2)) for lengths n beyond P.</summary>
    private static double GrownBase(RopeSettings settings, int length, int rotary)
    {
        double n = Math.Max(length, settings.OriginalPositions);
        double grown = (settings.Factor * n / settings.OriginalPositions) - (settings.Factor - 1);
        return settings.Theta * Math.Pow(grown, rotary / (rotary - 2.0));
    }

    private static double Llama3(RopeSettings settings, double f)
    {
        double wavelength = 2 * Math.PI / f;
        double smooth = ((settings.OriginalPositions / wavelength) - settings.LowFrequencyFactor)
            / (settings.HighFrequencyFactor - settings.LowFrequencyFactor);
        return wavelength < settings.OriginalPositions / settings.HighFrequencyFactor ? f
            : wavelength > settings.OriginalPositions / settings.LowFrequencyFactor ? f / settings.Factor
            : Mix(f / settings.Factor, f, smooth);
    }

    /// <summary>The pairs between which yarn goes over from kept to divided: c(r) = d ln(O / (2 pi r)) / (2 ln theta).</summary>
    private static (double Low, double High) Ramp(RopeSettings settings, int rotary)
    {
        double low = Pair(settings.BetaFast), high = Pair(settings.BetaSlow);
        if (settings.Truncate)
        {
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        }
        (low, high) = (Math.Max(low, 0), Math.Min(high, rotary - 1));
        // The reference moves equal ends apart by the same amount.
        return (low, low == high ? high + 0.001 : high);

        double Pair(double rotations) =>
            rotary * Math.Log(settings.OriginalPositions / (rotations * 2 * Math.PI)) / (2 * Math.Log(settings.Theta));
    }

    private static double Mix(double from, double to, double share) => (from * (1 - share)) + (to * share);
}
