using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Makes start values as PEFT's LoRA layers do; each tensor draws from the stream of its own name.</summary>
/// <remarks>U(±1/sqrt(columns)) is kaiming_uniform with a = sqrt 5. An embedding has A = 0 and B ~ N(0, 1).</remarks>
internal sealed class StartMaker(LoraStartKind kind, CounterRandom random) : ITensorMaker
{
    public bool Has(string key) => false;

    public Parameter Own(string key, Shape shape, out StoredType type)
    {
        type = StoredType.F32;
        Tensor value = Storage.Zeros(shape);
        Span<float> to = value.Span;
        CounterRandom own = random.Named(key);
        if (key.EndsWith(LoraKeys.A, StringComparison.Ordinal))
        {
            if (kind == LoraStartKind.Gaussian)
            {
                own.FillNormal(to, 1f / shape.Rows);
            }
            else if (kind == LoraStartKind.Orthogonal)
            {
                OrthogonalStart.FillA(random.Named(Module(key)), own, to, shape.Rows, shape.Width);
            }
            else
            {
                Uniform(own, to, shape.Width);
            }
        }
        else if (key.EndsWith(LoraKeys.B, StringComparison.Ordinal))
        {
            if (kind == LoraStartKind.Orthogonal)
            {
                OrthogonalStart.FillB(random.Named(Module(key)), own, to, shape.Rows, shape.Width);
            }
            else if (kind == LoraStartKind.Random)
            {
                Uniform(own, to, shape.Width);
            }
        }
        else if (key.EndsWith(LoraKeys.EmbeddingB, StringComparison.Ordinal) || (kind == LoraStartKind.Random && key.EndsWith(LoraKeys.EmbeddingA, StringComparison.Ordinal)))
        {
            own.FillNormal(to, 1f);
        }
        return new Parameter(key, value);
    }

    public Parameter Copy(string key, Shape shape, Action<Span<float>> read, out StoredType type)
    {
        type = StoredType.F32;
        Tensor value = Storage.Zeros(shape);
        read(value.Span);
        return new Parameter(key, value);
    }

    private static void Uniform(CounterRandom random, Span<float> to, int columns)
    {
        float bound = 1f / MathF.Sqrt(columns);
        random.FillUniform(to, -bound, bound);
    }

    private static string Module(string key) => key[..key.LastIndexOf(".lora_", StringComparison.Ordinal)];
}
