using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Contract;

/// <summary>What every method promises; each test runs over every row of <see cref="MethodRow.All"/>.</summary>
/// <remarks>Of the cards it proves LoRA 1 to 4, DoRA 1, 2, 5 and 6, FLoRA 1, 2 and 5, NOLA 1 to 4: see the traits.</remarks>
public sealed class MethodContractTests
{
    public static TheoryData<string> Rows => MethodRow.Names;

    [Theory]
    [Trait("Card", "LoRA 1")]
    [Trait("Card", "DoRA 1")]
    [Trait("Card", "FLoRA 1")]
    [Trait("Card", "NOLA 1")]
    [MemberData(nameof(Rows))]
    public void A_fresh_adapter_changes_nothing(string name)
    {
        MethodRow row = MethodRow.Of(name);
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = row.Create(model);
        float[] plain = Bench.Logits(model, null, Bench.Prompts[2]);
        foreach (bool own in new[] { false, true })
        {
            double difference = Bench.Difference(Bench.Logits(model, adapter, Bench.Prompts[2], own), plain);
            if (row.StartError is { } allowed)
            {
                Assert.InRange(difference, 0, allowed);
            }
            else
            {
                Assert.NotEqual(0, difference);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Training_moves_the_adapter_and_nothing_else(string name)
    {
        MethodRow row = MethodRow.Of(name);
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = row.Create(model);
        float[] plain = Bench.Logits(model, null, Bench.Prompts[2]);
        List<float[]> weights = [.. model.Tensors.Select(Copy)];
        float first = Bench.Backward(model, adapter, Bench.Prompts);
        Bench.Descend(adapter, 0.02f);
        // The second step reaches what a zero factor hid in the first.
        Bench.Backward(model, adapter, Bench.Prompts);
        foreach (Parameter parameter in adapter.Parameters)
        {
            Assert.True(parameter.HasGradient, $"{parameter.Name} got no gradient");
            Assert.True(Bench.Largest(parameter.Gradient.Span) is > 0 and < double.PositiveInfinity, $"{parameter.Name}: its gradient is zero or not finite");
        }
        Bench.Descend(adapter, 0.02f);
        Assert.True(Bench.Loss(model, adapter, Bench.Prompts) < first, "two steps down the gradient did not lower the loss");
        Assert.Equal(weights, model.Tensors.Select(Copy));
        Assert.Equal(plain, Bench.Logits(model, null, Bench.Prompts[2]));
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Checkpointing_gives_the_same_gradients(string name)
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = MethodRow.Of(name).CreateShaken(model);
        float kept = Bench.Backward(model, adapter, Bench.Prompts);
        List<float[]> gradients = [.. adapter.Parameters.Select(p => p.Gradient.Span.ToArray())];
        foreach (Parameter parameter in adapter.Parameters)
        {
            parameter.ClearGradient();
        }
        Assert.Equal(kept, Bench.Backward(model, adapter, Bench.Prompts, checkpointing: true));
        Assert.Equal(gradients, adapter.Parameters.Select(p => p.Gradient.Span.ToArray()));
    }

    [Theory]
    [Trait("Card", "LoRA 3")]
    [Trait("Card", "DoRA 6")]
    [Trait("Card", "FLoRA 5")]
    [MemberData(nameof(Rows))]
    public void The_number_of_parameters_is_the_formula(string name)
    {
        MethodRow row = MethodRow.Of(name);
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = row.Create(model, """["q_proj", "down_proj", "o_proj"]""");
        long expected = 0;
        foreach (LinearSite site in model.Sites.OfType<LinearSite>().Where(s => adapter[s] is not null))
        {
            expected += row.Count(site.Outputs, site.Inputs, site.Bias is not null);
        }
        Assert.Equal(6, adapter.AdaptedModules.Count);
        Assert.Equal(expected, adapter.ParameterCount);
        Assert.Equal(expected, adapter.ExpectedParameterCount);
    }

    [Theory]
    [Trait("Card", "DoRA 5")]
    [Trait("Card", "FLoRA 2")]
    [MemberData(nameof(Rows))]
    public void The_batched_form_is_the_methods_own_forward(string name)
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = MethodRow.Of(name).CreateShaken(model);
        float[] form = Bench.Logits(model, adapter, Bench.Prompts[2]), own = Bench.Logits(model, adapter, Bench.Prompts[2], ownForwards: true);
        Assert.True(Bench.Difference(form, Bench.Logits(model, null, Bench.Prompts[2])) > 1e-3, "the adapter does nothing");
        Assert.InRange(Bench.Difference(form, own), 0, 2e-5);
        Assert.All(adapter.Changes, c => Assert.NotNull(adapter.Form(c.Site)));
    }

    [Theory]
    [Trait("Card", "LoRA 2")]
    [Trait("Card", "DoRA 2")]
    [Trait("Card", "DoRA 5")]
    [Trait("Card", "FLoRA 2")]
    [Trait("Card", "NOLA 2")]
    [MemberData(nameof(Rows))]
    public void Merged_is_unmerged_and_unmerging_restores_every_bit(string name)
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = MethodRow.Of(name).CreateShaken(model);
        float[] plain = Bench.Logits(model, null, Bench.Prompts[2]), expected = Bench.Logits(model, adapter, Bench.Prompts[2]);
        List<float[]> weights = [.. model.Tensors.Select(Copy)];
        using (MergedModel merged = Merging.MergeInto(model, adapter))
        {
            Assert.InRange(Bench.Difference(Bench.Logits(model, null, Bench.Prompts[2]), expected), 0, 3e-5);
        }
        Assert.Equal(weights, model.Tensors.Select(Copy));
        Assert.Equal(plain, Bench.Logits(model, null, Bench.Prompts[2]));
    }

    [Theory]
    [Trait("Card", "LoRA 4")]
    [Trait("Card", "DoRA 6")]
    [Trait("Card", "NOLA 4")]
    [MemberData(nameof(Rows))]
    public void Files_come_back_byte_for_byte(string name)
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = MethodRow.Of(name).CreateShaken(model);
        using TemporaryFolder folder = new();
        AdapterFolder.Save(adapter, folder.Of("first"));
        using TrainedAdapter loaded = AdapterFolder.Load(folder.Of("first"), model);
        AdapterFolder.Save(loaded, folder.Of("second"));
        foreach (string file in new[] { AdapterFolder.ConfigName, AdapterFolder.WeightsName })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(folder.Of("first"), file)), File.ReadAllBytes(Path.Combine(folder.Of("second"), file)));
        }
        Assert.Empty(loaded.Warnings);
        Assert.Equal(adapter.Method.Name, loaded.Method.Name);
        // What took over a part of the weights is saved as a plain LoRA of twice the rank.
        int times = ReferenceEquals(adapter.FileConfig, adapter.Config) ? 1 : 2;
        Assert.Equal(times * adapter.ParameterCount, loaded.ParameterCount);
        using TrainedAdapter again = AdapterFolder.Load(folder.Of("second"), model);
        Assert.Equal(Bench.Logits(model, loaded, Bench.Prompts[2]), Bench.Logits(model, again, Bench.Prompts[2]));
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Numbers_that_are_not_finite_are_refused(string name)
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = MethodRow.Of(name).CreateShaken(model);
        using TemporaryFolder folder = new();
        foreach (float bad in new[] { float.NaN, float.PositiveInfinity })
        {
            Parameter parameter = adapter.Parameters.Last();
            float old = parameter.Value.Span[0];
            parameter.Value.Span[0] = bad;
            string error = "";
            try
            {
                AdapterFolder.Save(adapter, folder.Of("bad"));
                using TrainedAdapter loaded = AdapterFolder.Load(folder.Of("bad"), model);
            }
            catch (BadFileException e)
            {
                error = e.Message;
            }
            parameter.Value.Span[0] = old;
            Assert.Contains("finite", error, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error);
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void A_file_of_another_base_is_refused_in_one_line(string name)
    {
        using LanguageModel model = Bench.Model(), wider = Bench.Model(hidden: 64), shallower = Bench.Model(layers: 1);
        using TrainedAdapter adapter = MethodRow.Of(name).CreateShaken(model);
        using TemporaryFolder folder = new();
        AdapterFolder.Save(adapter, folder.Of("a"));
        foreach (LanguageModel other in new[] { wider, shallower })
        {
            BadFileException error = Assert.Throws<BadFileException>(() => AdapterFolder.Load(folder.Of("a"), other));
            Assert.DoesNotContain('\n', error.Message);
        }
    }

    [Theory]
    [Trait("Card", "FLoRA 5")]
    [Trait("Card", "NOLA 3")]
    [MemberData(nameof(Rows))]
    public void Gradients_of_the_site_equal_finite_differences(string name)
    {
        MethodRow row = MethodRow.Of(name);
        if (!row.Derivative)
        {
            return;
        }
        using LayerBench bench = new(12, 10);
        using TrainedAdapter adapter = row.CreateShaken(bench.Model, """["layer"]""");
        GradientCheck.Run(bench, adapter, 4);
    }

    private static float[] Copy(ModelTensor tensor) => tensor.Weight?.ToArray() ?? tensor.Vector!.Value.Span.ToArray();
}
