using Lorikeet.Models;

namespace Lorikeet.Adapters.Tests.Contract;

/// <summary>Every row of a batch has the bits of its lone run, whatever methods its neighbours bring: the cards' checks LoRA 6, DoRA 5, FLoRA 3.</summary>
public sealed class MixedBatchTests
{
    [Fact]
    [Trait("Card", "LoRA 6")]
    [Trait("Card", "DoRA 5")]
    [Trait("Card", "FLoRA 3")]
    public void Sixty_four_rows_with_sixty_four_adapters_equal_lone_runs_bit_for_bit()
    {
        using LanguageModel model = Bench.Model();
        List<(Adapter? Adapter, int[] Tokens)> batch = Batch(model, 64);
        float[][] served = Bench.Serve(model, batch);
        for (int i = 0; i < batch.Count; i++)
        {
            Assert.Equal(Bench.Serve(model, [batch[i]])[0], served[i]);
        }
        int[] order = [.. Enumerable.Range(0, 64).Select(i => (i * 37) % 64)];
        float[][] permuted = Bench.Serve(model, [.. order.Select(i => batch[i])]);
        for (int i = 0; i < order.Length; i++)
        {
            Assert.Equal(served[order[i]], permuted[i]);
        }
        Free(batch);
    }

    [Fact]
    public void Chunks_of_a_prompt_and_whole_sequences_without_state_agree()
    {
        using LanguageModel model = Bench.Model();
        List<(Adapter? Adapter, int[] Tokens)> batch = Batch(model, 20);
        float[][] served = Bench.Serve(model, batch), other = Bench.Serve(model, batch, chunk: 5, decode: 0);
        float[] whole = Bench.Logits(model, batch);
        int at = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            Assert.Equal(served[i], other[i]);
            Assert.InRange(Bench.Difference(served[i], whole.AsSpan(at, served[i].Length)), 0, 2e-5);
            at += served[i].Length;
        }
        Free(batch);
    }

    [Fact]
    public void One_adapter_on_several_rows_is_one_adapter()
    {
        using LanguageModel model = Bench.Model();
        foreach (MethodRow row in MethodRow.All)
        {
            using TrainedAdapter adapter = row.CreateShaken(model);
            float[][] served = Bench.Serve(model, [(adapter, Bench.Prompts[0]), (null, Bench.Prompts[1]), (adapter, Bench.Prompts[0])]);
            Assert.Equal(served[0], served[2]);
            Assert.Equal(Bench.Serve(model, [(null, Bench.Prompts[1])])[0], served[1]);
        }
    }

    [Fact]
    public void Adapters_trained_in_one_batch_get_the_gradients_of_lone_runs()
    {
        using LanguageModel model = Bench.Model();
        List<TrainedAdapter> adapters = [.. MethodRow.All.Select(r => r.CreateShaken(model))];
        using (ModelRun run = new() { Tape = new Tensors.Tape() })
        {
            Bench.Backward(run, model, [.. adapters.SelectMany((a, i) => new (Adapter?, int[])[] { (a, Prompt(i)), (a, Prompt(i + 1)) })]);
        }
        for (int i = 0; i < adapters.Count; i++)
        {
            List<float[]> together = [.. adapters[i].Parameters.Select(p => p.Gradient.Span.ToArray())];
            foreach (Tensors.Parameter parameter in adapters[i].Parameters)
            {
                parameter.ClearGradient();
            }
            Bench.Backward(model, adapters[i], [Prompt(i), Prompt(i + 1)]);
            foreach ((float[] got, Tensors.Parameter parameter) in together.Zip(adapters[i].Parameters))
            {
                Assert.InRange(Bench.Difference(got, parameter.Gradient.Span), 0, 1e-5);
            }
        }
        adapters.ForEach(a => a.Dispose());
    }

    private static List<(Adapter? Adapter, int[] Tokens)> Batch(LanguageModel model, int rows)
    {
        List<(Adapter?, int[])> batch = [];
        for (int i = 0; i < rows; i++)
        {
            int kind = i % (MethodRow.All.Count + 1);
            Adapter? adapter = kind == MethodRow.All.Count ? null : MethodRow.All[kind].CreateShaken(
                model, i % 2 == 0 ? "\"all-linear\"" : """["q_proj", "v_proj", "up_proj"]""", (ulong)i);
            batch.Add((adapter, Prompt(i)));
        }
        return batch;
    }

    private static int[] Prompt(int i) => [.. Enumerable.Range(0, 3 + (i % 5)).Select(t => ((i * 7) + (t * 13)) % 64)];

    private static void Free(List<(Adapter? Adapter, int[] Tokens)> batch) => batch.ForEach(b => b.Adapter?.Dispose());
}
