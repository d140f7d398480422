using Lorikeet.Adapters;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Bench;

/// <summary>Numbers for adapters that are only timed.</summary>
internal static class RandomValues
{
    /// <summary>Adds noise to every parameter: fresh adapters change nothing; random values make every product a real one.</summary>
    /// <param name="adapter">The adapter.</param>
    public static void Disturb(TrainedAdapter adapter)
    {
        ulong stream = 0;
        foreach (Parameter parameter in adapter.Parameters)
        {
            float[] noise = new float[parameter.Value.Shape.Length];
            new CounterRandom(99, stream++).FillUniform(noise, -0.01f, 0.01f);
            for (int i = 0; i < noise.Length; i++)
            {
                parameter.Value.Span[i] += noise[i];
            }
        }
        adapter.ForgetForms();
    }
}
