namespace Lorikeet.Serving;

/// <summary>scores / temperature.</summary>
internal sealed class TemperatureProcessor(double temperature) : LogitsProcessor
{
    private readonly float temperature = (float)temperature;

    public override string Name => "temperature";

    public override void Apply(Span<float> scores, in SamplingText text)
    {
        for (int i = 0; i < scores.Length; i++)
        {
            scores[i] /= temperature;
        }
    }
}
