using System.Text.Json.Nodes;
using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Nola;

/// <summary>Check 4 of NOLA's card, its second half: the file read with any number of threads gives the same bits. It changes the shared team, so it runs alone.</summary>
[Collection(nameof(Alone))]
[Trait("Card", "NOLA 4")]
public sealed class NolaThreadTests
{
    [Theory]
    [InlineData("f32")]
    [InlineData("int4")]
    public void A_reload_with_another_number_of_threads_has_the_same_logits(string type)
    {
        // Wide enough that expanding takes several pieces of work.
        using LanguageModel model = Bench.Model(hidden: 256);
        using TemporaryFolder folder = new();
        JsonObject config = new() { ["r"] = 8, ["num_basis"] = 24, ["coefficient_type"] = type, ["target_modules"] = "all-linear" };
        using (TrainedAdapter made = AdapterMethods.Find("nola").Create("nola", model, config, new CounterRandom(1)))
        {
            Bench.Shake(made);
            AdapterFolder.Save(made, folder.Of("a"));
        }
        List<float[]> forms = [], own = [];
        int before = Team.Shared.Threads;
        try
        {
            foreach (int threads in new[] { 1, 2, 3, 5 })
            {
                Team.Use(threads);
                using TrainedAdapter loaded = AdapterFolder.Load(folder.Of("a"), model);
                forms.Add(Bench.Logits(model, loaded, Bench.Prompts[2]));
                own.Add(Bench.Logits(model, loaded, Bench.Prompts[2], ownForwards: true));
            }
        }
        finally
        {
            Team.Use(before);
        }
        Assert.True(Bench.Difference(forms[0], Bench.Logits(model, null, Bench.Prompts[2])) > 1e-3, "the adapter does nothing");
        Assert.All(forms, logits => Assert.Equal(forms[0], logits));
        Assert.All(own, logits => Assert.Equal(own[0], logits));
    }
}
