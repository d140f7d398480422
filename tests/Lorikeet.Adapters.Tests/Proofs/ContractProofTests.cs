using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Proofs;

/// <summary>Methods of every shape the contract promises, written in the tests alone: trained, and served beside others with paged and recurrent state.</summary>
public sealed class ContractProofTests
{
    public static TheoryData<string> Names => [.. Proof.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Trains_and_leaves_the_base_alone(string name)
    {
        using LanguageModel model = Bench.Model();
        using Adapter adapter = Proof.Make(name, model);
        List<float[]> weights = [.. model.Tensors.Select(Copy)];
        float first = Bench.Backward(model, adapter, Bench.Prompts), loss = first;
        foreach (Parameter parameter in adapter.Parameters)
        {
            Assert.True(parameter.HasGradient && Bench.Largest(parameter.Gradient.Span) is > 0 and < double.PositiveInfinity, $"{parameter.Name} got no gradient");
        }
        for (int step = 0; step < 10; step++)
        {
            Bench.Descend(adapter, 0.02f);
            loss = Bench.Backward(model, adapter, Bench.Prompts);
        }
        Assert.True(loss < first, $"the loss went from {first} to {loss}");
        Assert.Equal(weights, model.Tensors.Select(Copy));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradients_equal_differences_of_the_whole_models_loss(string name)
    {
        using LanguageModel model = Bench.Model();
        using Adapter adapter = Proof.Make(name, model);
        int[][] data = [Bench.Prompts[0], Bench.Prompts[1]];
        Bench.Backward(model, adapter, data);
        foreach (Parameter parameter in adapter.Parameters)
        {
            if (adapter.Side is not null && !parameter.Name.StartsWith("ladder", StringComparison.Ordinal))
            {
                // The ladder reads detached values: of what lies before it the gradient is a part on purpose.
                continue;
            }
            float[] gradient = parameter.Gradient.Span.ToArray();
            int largest = Array.FindIndex(gradient, g => Math.Abs(g) >= Bench.Largest(gradient) * 0.999);
            float old = parameter.Value.Span[largest], step = 0.004f;
            parameter.Value.Span[largest] = old + step;
            double up = LossOf(model, adapter, data);
            parameter.Value.Span[largest] = old - step;
            double down = LossOf(model, adapter, data);
            parameter.Value.Span[largest] = old;
            double expected = (up - down) / (2 * step);
            Assert.True(
                Math.Abs(gradient[largest] - expected) <= (0.03 * Math.Abs(expected)) + 2e-4, $"{parameter.Name}: gradient {gradient[largest]}, difference {expected}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Checkpointing_gives_the_same_gradients(string name)
    {
        using LanguageModel model = Bench.Model();
        using Adapter adapter = Proof.Make(name, model);
        Bench.Backward(model, adapter, Bench.Prompts);
        List<float[]> gradients = [.. adapter.Parameters.Select(p => p.Gradient.Span.ToArray())];
        foreach (Parameter parameter in adapter.Parameters)
        {
            parameter.ClearGradient();
        }
        Bench.Backward(model, adapter, Bench.Prompts, checkpointing: true);
        Assert.Equal(gradients, adapter.Parameters.Select(p => p.Gradient.Span.ToArray()));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Serves_in_a_mixed_batch_to_the_bits_of_its_lone_run(string name)
    {
        using LanguageModel model = Bench.Model();
        using Adapter adapter = Proof.Make(name, model);
        using TrainedAdapter lora = MethodRow.Of("lora").CreateShaken(model), flora = MethodRow.Of("flora-mean").CreateShaken(model);
        float[] alone = Bench.Serve(model, [(adapter, Bench.Prompts[2])])[0];
        float[][] mixed = Bench.Serve(
            model,
            [(lora, Bench.Prompts[0]), (adapter, Bench.Prompts[2]), (null, Bench.Prompts[1]), (adapter, Bench.Prompts[0]), (flora, Bench.Prompts[2]), (adapter, Bench.Prompts[3])]);
        Assert.Equal(alone, mixed[1]);
        Assert.Equal(Bench.Serve(model, [(adapter, Bench.Prompts[0])])[0], mixed[3]);
        Assert.Equal(Bench.Serve(model, [(lora, Bench.Prompts[0])])[0], mixed[0]);
        Assert.Equal(Bench.Serve(model, [(flora, Bench.Prompts[2])])[0], mixed[4]);
        Assert.Equal(Bench.Serve(model, [(null, Bench.Prompts[1])])[0], mixed[2]);
        // State and pages give what whole sequences give, and the chunks do not matter.
        Assert.Equal(alone, Bench.Serve(model, [(adapter, Bench.Prompts[2])], chunk: 3, decode: 1)[0]);
        Assert.InRange(Bench.Difference(alone, Bench.Logits(model, adapter, Bench.Prompts[2])), 0, 5e-5);
        Assert.True(Bench.Difference(alone, Bench.Logits(model, null, Bench.Prompts[2])) > 1e-3, "the adapter does nothing");
    }

    [Fact]
    public void A_rule_may_mask_or_consume_a_gradient_the_moment_it_is_ready()
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter plain = MethodRow.Of("lora").CreateShaken(model), ruled = MethodRow.Of("lora").CreateShaken(model);
        const float Rate = 0.05f;
        Bench.Backward(model, plain, Bench.Prompts);
        Bench.Descend(plain, Rate);
        int held = 0, most = 0;
        Bench.Backward(model, ruled, Bench.Prompts, prepare: tape => tape.GradientReady = parameter =>
        {
            most = Math.Max(most, ruled.Parameters.Count(p => p.HasGradient));
            held++;
            if (parameter.Name.Contains("lora_B", StringComparison.Ordinal))
            {
                // A mask: rows of B from the second on are frozen.
                parameter.Gradient.Span[parameter.Value.Width..].Clear();
            }
            for (int i = 0; i < parameter.Value.Span.Length; i++)
            {
                parameter.Value.Span[i] -= Rate * parameter.Gradient.Span[i];
            }
            parameter.FreeGradient();
        });
        Assert.Equal(ruled.Parameters.Count(), held);
        // Gradients of the whole model never exist at once.
        Assert.InRange(most, 1, 4);
        using TrainedAdapter start = MethodRow.Of("lora").CreateShaken(model);
        foreach ((Parameter expected, Parameter got, Parameter old) in plain.Parameters.Zip(ruled.Parameters, start.Parameters))
        {
            bool masked = got.Name.Contains("lora_B", StringComparison.Ordinal);
            int moved = masked ? got.Value.Width : (int)got.Value.Shape.Length;
            Assert.Equal(expected.Value.Span[..moved].ToArray(), got.Value.Span[..moved].ToArray());
            Assert.Equal(old.Value.Span[moved..].ToArray(), got.Value.Span[moved..].ToArray());
        }
    }

    private static double LossOf(LanguageModel model, Adapter adapter, int[][] data)
    {
        adapter.ForgetForms();
        return Bench.Loss(model, adapter, data);
    }

    private static float[] Copy(ModelTensor tensor) => tensor.Weight?.ToArray() ?? tensor.Vector!.Value.Span.ToArray();
}
