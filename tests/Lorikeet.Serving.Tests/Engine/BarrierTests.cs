using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

/// <summary>How often all threads wait for one another.</summary>
[Collection("team")]
public sealed class BarrierTests
{
    [Theory]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.F32)]
    public void A_decode_step_of_one_row_has_at_most_five_jobs_a_layer(ElementType type)
    {
        const int Layers = 4;
        int threads = Team.Shared.Threads;
        Team.Use(2);
        try
        {
            // The widths of the smallest reference shape.
            using LanguageModel model = ModelLoader.Create(ModelConfig.S with { Layers = Layers, VocabularySize = 512 }, new CounterRandom(1), type);
            using Engine engine = new(model);
            engine.Add(new GenerationRequest { Prompt = [1, 2, 3, 4], MaxTokens = 20, EndIds = [] });
            engine.Step();
            engine.Step();
            long before = Team.Shared.Barriers;
            engine.Step();
            // One more for the head. The reference kernels run the layers of a projection one after another.
            int most = KernelPath.Current == KernelVariant.Scalar ? 10 : 5;
            Assert.InRange(Team.Shared.Barriers - before, Layers, (most * Layers) + 1);
        }
        finally
        {
            Team.Use(threads);
        }
    }
}
