using Xunit.Abstractions;

namespace Lorikeet.Training.Tests.Cards;

/// <summary>Check 7 of FLoRA's card, its first half: rank 1 on q and k, one adapter for each of six dialects, every method at its own best rate.</summary>
/// <remarks>The second half, up to which rank FLoRA serves 64 adapters faster than LoRA, is a measurement: <c>lorikeet bench flora</c>.</remarks>
[Collection(nameof(DialectWorld))]
[Trait("Category", "Slow")]
[Trait("Card", "FLoRA 7")]
public sealed class FloraExperiment(DialectWorld world, ITestOutputHelper output)
{
    [Fact]
    public void FLoRA_is_near_LoRA_and_before_IA3()
    {
        const string Where = "\"target_modules\": [\"q_proj\", \"k_proj\"]";
        (double lora, double loraRate) = world.Best("lora", $$"""{"r": 1, "lora_alpha": 1, {{Where}}}""", [3e-3, 1e-2, 3e-2]);
        (double flora, double floraRate) = world.Best("flora", $$"""{"r": 1, {{Where}}}""", [3e-2, 1e-1, 2e-1]);
        (double scales, double scalesRate) = world.Best("flora", $$"""{"r": 1, {{Where}}}""", [3e-2, 1e-1, 2e-1], trains: key => key.EndsWith("flora_A", StringComparison.Ordinal));
        output.WriteLine($"held-out loss: no adapter {world.Bare():F4}; LoRA r=1 {lora:F4} (rate {loraRate}), FLoRA r=1 {flora:F4} ({floraRate}), (IA)3 {scales:F4} ({scalesRate})");
        Assert.True(flora < scales && scales < world.Bare(), $"FLoRA {flora:F4}, (IA)3 {scales:F4}");
        // Multiplying what the frozen q and k already do says a little less here than adding to them: 2.6 % in loss.
        Assert.InRange(flora / lora, 0, 1.05);
        Assert.True(floraRate > loraRate, $"rates: FLoRA {floraRate}, LoRA {loraRate}");
    }
}
