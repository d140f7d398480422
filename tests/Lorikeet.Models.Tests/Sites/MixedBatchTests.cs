using Lorikeet.Kernels;
using Lorikeet.Models.Tests.Architectures;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Tests.Sites;

/// <summary>Rows with adapters of their own, made from parts of the contract alone: low-rank, a scaled input, and one without a batched form.</summary>
[Collection(nameof(Alone))]
public sealed class MixedBatchTests : IDisposable
{
    private readonly int threads = Team.Shared.Threads;
    private readonly LanguageModel model = TinyModel.Create(TinyModel.Qwen, ElementType.BF16);
    private readonly Adapter[] adapters;

    public MixedBatchTests() => adapters =
    [
        TinyAdapters.LowRank(model, "a", 21, 3),
        TinyAdapters.LowRank(model, "b", 22, 8),
        TinyAdapters.LowRank(model, "c", 23, 5, lowers: false),
        TinyAdapters.Scaled(model, "d", 24),
    ];

    public void Dispose()
    {
        Team.Use(threads);
        foreach (Adapter adapter in adapters)
        {
            adapter.Dispose();
        }
        model.Dispose();
    }

    [Fact]
    public void A_rows_bits_do_not_depend_on_neighbours_their_adapters_order_or_threads()
    {
        int[][] sequences = [.. Enumerable.Range(0, 6).Select(i => TinyModel.Tokens(3 + (5 * i), (ulong)i))];
        Adapter?[] own = [adapters[0], null, adapters[1], adapters[2], adapters[3], adapters[0]];
        Team.Use(1);
        float[][] alone = [.. sequences.Select((s, i) => TinyModel.Whole(model, [own[i]], false, s)[0])];
        Assert.Equal(alone[1], TinyModel.Whole(model, sequences[1]));
        Assert.NotEqual(alone[0], TinyModel.Whole(model, sequences[0]));
        for (int team = 1; team <= 3; team++)
        {
            Team.Use(team);
            Assert.Equal(alone, TinyModel.Whole(model, own, false, sequences));
            Assert.Equal(alone.Reverse(), TinyModel.Whole(model, [.. own.Reverse()], false, [.. sequences.Reverse()]));
        }
    }

    [Fact]
    public void The_batched_forms_agree_with_the_adapters_own_forwards()
    {
        int[][] sequences = [.. Enumerable.Range(0, 4).Select(i => TinyModel.Tokens(9, (ulong)i))];
        float[][] forms = TinyModel.Whole(model, adapters, false, sequences), own = TinyModel.Whole(model, adapters, true, sequences);
        for (int i = 0; i < forms.Length; i++)
        {
            float largest = own[i].Max(MathF.Abs);
            Assert.All(forms[i].Zip(own[i]), pair => Assert.InRange(pair.First - pair.Second, -1e-4f * (1 + largest), 1e-4f * (1 + largest)));
        }
    }

    [Fact]
    public void Storage_makes_an_adapter_smaller_and_a_little_different_whatever_its_neighbours_keep()
    {
        int[][] sequences = [.. Enumerable.Range(0, 5).Select(i => TinyModel.Tokens(1 + (4 * i), (ulong)i))];
        FactorStorage[] storages = [FactorStorage.Exact, FactorStorage.F32, FactorStorage.BF16, FactorStorage.Int8];
        float[][] exact = TinyModel.Whole(model, [.. sequences.Select(_ => adapters[1])], false, sequences);
        long[] bytes = new long[storages.Length];
        using Adapter neighbour = TinyAdapters.LowRank(model, "neighbour", 25, 5);
        for (int i = 0; i < storages.Length; i++)
        {
            adapters[1].Factors = storages[i];
            neighbour.Factors = storages[^(i + 1)];
            float[][] mixed = TinyModel.Whole(model, [adapters[1], neighbour, adapters[1], null, adapters[1]], false, sequences);
            foreach (int row in (ReadOnlySpan<int>)[0, 2, 4])
            {
                float[] alone = TinyModel.Whole(model, [adapters[1]], false, sequences[row])[0];
                Assert.Equal(alone, mixed[row]);
                double difference = Math.Sqrt(alone.Zip(exact[row]).Sum(p => Math.Pow(p.First - p.Second, 2)) / exact[row].Sum(v => (double)v * v));
                Assert.InRange(difference, i < 2 ? 0 : 1e-7, i < 2 ? 0 : 0.03);
            }
            bytes[i] = adapters[1].FormBytes;
        }
        // Random factors are no bfloat16 numbers: exact keeps float32. Bytes halve, but for the lines of a few dozen numbers that every part is rounded up to.
        Assert.Equal(bytes[1], bytes[0]);
        Assert.InRange((double)bytes[2] / bytes[1], 0.5, 0.6);
        Assert.InRange((double)bytes[3] / bytes[1], 0.25, 0.45);
        foreach (Parameter parameter in adapters[1].Parameters)
        {
            Span<float> values = parameter.Value.Span;
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(values[i]) & 0xFFFF0000);
            }
        }
        adapters[1].Factors = FactorStorage.F32;
        adapters[1].ForgetForms();
        float[] full = TinyModel.Whole(model, [adapters[1]], false, sequences[3])[0];
        adapters[1].Factors = FactorStorage.Exact;
        Assert.Equal(full, TinyModel.Whole(model, [adapters[1]], false, sequences[3])[0]);
        Assert.Equal(bytes[2], adapters[1].FormBytes);
    }

    [Fact]
    public void A_plan_notices_that_training_changed_an_adapter()
    {
        int[] tokens = TinyModel.Tokens(7);
        using ModelRun run = new() { Rows = new Rows(7), Plan = BatchPlan.For(adapters[0], 7) };
        float[] before = model.Logits(run, model.Forward(run, Input.Of(tokens))).Span.ToArray();
        foreach (Parameter parameter in adapters[0].Parameters)
        {
            Elementwise.Scale(parameter.Value.Span, 1.5f, parameter.Value.Span);
        }
        adapters[0].ForgetForms();
        float[] after = model.Logits(run, model.Forward(run, Input.Of(tokens))).Span.ToArray();
        Assert.NotEqual(before, after);
        Assert.Equal(TinyModel.Whole(model, [adapters[0]], false, tokens)[0], after);
    }

    [Fact]
    public void Recording_alone_makes_no_forms()
    {
        using ModelRun run = new() { Rows = new Rows(7), Plan = BatchPlan.For(adapters[0], 7), Tape = new Tape() };
        run.Tape.Begin(run);
        Tensor loss = TinyModel.Loss(model, run, TinyModel.Tokens(7));
        run.Tape.Backward(run, loss);
        Assert.Equal(0, adapters[0].FormBytes);
        Assert.All(adapters[0].Parameters, parameter => Assert.True(parameter.HasGradient));
    }

    [Fact]
    public void A_mixed_decode_step_allocates_no_managed_memory()
    {
        using PagePool pool = new(1 << 28);
        using SequenceState a = new(pool, model, adapters[0]), b = new(pool, model, adapters[1]), c = new(pool, model);
        using ModelRun run = new();
        SequenceState[] states = [a, b, c];
        Array.ForEach(states, state => state.Reserve(60));
        run.Rows = new Rows([(a, 1), (b, 1), (c, 1)]);
        run.Plan = TinyModel.PlanOf(model, [adapters[0], adapters[1], null], [1, 1, 1]);
        int[] tokens = [6, 7, 8];
        void Steps(int count)
        {
            for (int i = 0; i < count; i++)
            {
                run.Arena.Reset();
                run.Rows.Advance();
                model.Logits(run, model.Forward(run, Input.Of(tokens)));
                foreach (SequenceState state in states)
                {
                    state.Append(1);
                }
            }
        }
        // The first page that a window leaves behind opens the pool's list of free pages: once, at position 35.
        Steps(40);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Steps(20);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void A_plan_with_gaps_or_another_models_adapter_is_refused()
    {
        using LanguageModel other = TinyModel.Create(TinyModel.Config);
        using Adapter foreign = new("foreign", other);
        Assert.Throws<ArgumentException>(() => new BatchPlan(model, [new RowSegment(null, 1, 2)]));
        Assert.Contains("foreign", Assert.Throws<ArgumentException>(() => new BatchPlan(model, [new RowSegment(foreign, 0, 2)])).Message, StringComparison.Ordinal);
    }
}
