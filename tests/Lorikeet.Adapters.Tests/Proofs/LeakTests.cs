using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Proofs;

/// <summary>Counts native memory of the whole process, so nothing else may run beside it.</summary>
[Collection(nameof(Alone))]
public sealed class LeakTests
{
    [Fact]
    public void Nothing_is_left_when_adapters_and_models_are_disposed()
    {
        long before = Storage.LiveBytes;
        foreach (string name in Proof.Names)
        {
            using LanguageModel model = Bench.Model();
            using Adapter adapter = Proof.Make(name, model);
            Bench.Backward(model, adapter, Bench.Prompts);
            Bench.Serve(model, [(adapter, Bench.Prompts[0]), (null, Bench.Prompts[1])]);
        }
        Assert.Equal(before, Storage.LiveBytes);
    }

    [Fact]
    public void Methods_free_all_they_hold()
    {
        long before = Storage.LiveBytes;
        using (TemporaryFolder folder = new())
        {
            foreach (MethodRow row in MethodRow.All)
            {
                using LanguageModel model = Bench.Model();
                using TrainedAdapter adapter = row.CreateShaken(model);
                Bench.Backward(model, adapter, Bench.Prompts);
                AdapterFolder.Save(adapter, folder.Of(row.Name));
                using TrainedAdapter loaded = AdapterFolder.Load(folder.Of(row.Name), model);
                Bench.Serve(model, [(loaded, Bench.Prompts[0]), (adapter, Bench.Prompts[1])]);
            }
        }
        Assert.Equal(before, Storage.LiveBytes);
    }
}
