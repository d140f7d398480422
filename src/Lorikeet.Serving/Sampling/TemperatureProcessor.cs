using System.Numerics;
using System.Runtime.InteropServices;

namespace Lorikeet.Serving;

/// <summary>scores / temperature.</summary>
internal sealed class TemperatureProcessor(double temperature) : LogitsProcessor
{
    private readonly float temperature = (float)temperature;

    public override string Name => "temperature";

    public override void Apply(Span<float> scores, in SamplingText text)
    {
        Span<Vector<float>> wide = MemoryMarshal.Cast<float, Vector<float>>(scores);
        Vector<float> divisor = new(temperature);
        for (int i = 0; i < wide.Length; i++)
        {
            wide[i] /= divisor;
        }
        for (int i = wide.Length * Vector<float>.Count; i < scores.Length; i++)
        {
            scores[i] /= temperature;
        }
    }
}
