using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Tests.Sites;

public sealed class FactorPackerTests
{
    private const int Rank = 5, Inputs = 37, Outputs = 29;

    /// <summary>Wherever factors lie and however they are stored, the packed ones are those of their float32 values; bfloat16 for bfloat16 is never widened.</summary>
    [Fact]
    public void Factors_that_were_not_read_yet_are_packed_as_their_values_are()
    {
        foreach (ElementType typeA in (ElementType[])[ElementType.F32, ElementType.BF16, ElementType.F16])
        {
            foreach (ElementType typeB in (ElementType[])[ElementType.F32, ElementType.BF16])
            {
                foreach (FactorStorage storage in Enum.GetValues<FactorStorage>())
                {
                    Source sourceA = new(typeA, Rank * Inputs, 1), sourceB = new(typeB, Outputs * Rank, 2);
                    using Parameter a = new("a", new Shape(Rank, Inputs), sourceA), b = new("b", new Shape(Outputs, Rank), sourceB);
                    FactorPacker packer = new(storage);
                    LowRankPart direct = packer.LowRank(a, b, 0.5f);
                    bool straight = (typeA, typeB) == (ElementType.BF16, ElementType.BF16) && (storage is FactorStorage.Exact or FactorStorage.BF16);
                    Assert.Equal((1, 1), (sourceA.Reads, sourceB.Reads));
                    Assert.Equal(straight ? (0, 0) : (1, 1), (sourceA.Widened, sourceB.Widened));
                    LowRankPart values = packer.LowRank(a.Value, b.Value, 0.5f);
                    Assert.Equal((values.Type, values.Rank, values.Scale), (direct.Type, direct.Rank, direct.Scale));
                    Assert.Equal(values.Factors.Span.ToArray(), direct.Factors.Span.ToArray());
                    // Read by now: the same again.
                    LowRankPart read = packer.LowRank(a, b, 0.5f);
                    Assert.Equal(values.Factors.Span.ToArray(), read.Factors.Span.ToArray());
                    foreach (LowRankPart part in (LowRankPart[])[direct, values, read])
                    {
                        part.Factors.Dispose();
                    }
                }
            }
        }
    }

    [Fact]
    public void A_sealed_adapter_serves_from_one_block()
    {
        using LanguageModel model = ModelLoader.Build(
            new ModelConfig { HiddenSize = 32, IntermediateSize = 48, Layers = 2, Heads = 2, KeyHeads = 1, HeadDim = 16, VocabularySize = 32 }, new RandomSource(new CounterRandom(1)));
        using Adapter adapter = TinyAdapters.LowRank(model, "one", 3, rank: 4);
        adapter.Seal();
        nint[] places = [.. adapter.Changes.SelectMany(c => adapter.Form(c.Site)!.LowRank).Select(p => Address(p.Factors)).Order()];
        Assert.Equal(14, places.Length);
        Assert.InRange(places[^1] - places[0], 1, adapter.FormBytes);
    }

    private static unsafe nint Address(Storage storage) => (nint)storage.Pointer;

    private sealed class Source(ElementType type, int count, ulong seed) : IParameterSource
    {
        public int Reads { get; private set; }

        public int Widened { get; private set; }

        public ElementType Type => type;

        public void Read(Span<byte> to)
        {
            Reads++;
            float[] values = new float[count];
            new CounterRandom(seed).FillNormal(values, 0.3f);
            Casting.FromSingle(values, type, to);
        }

        public void ReadSingle(Span<float> to)
        {
            Widened++;
            byte[] stored = new byte[count * type.Size()];
            Read(stored);
            Casting.ToSingle(stored, type, to);
        }
    }
}
