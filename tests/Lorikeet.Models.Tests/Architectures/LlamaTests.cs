using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Tests.Architectures;

[Collection(nameof(Alone))]
public sealed class LlamaTests : IDisposable
{
    private readonly int threads = Team.Shared.Threads;

    public void Dispose() => Team.Use(threads);

    public static TheoryData<string, ElementType> Models => new()
    {
        { "llama", ElementType.F32 },
        { "llama", ElementType.BF16 },
        { "qwen3", ElementType.F32 },
        { "dynamic", ElementType.F16 },
    };

    private static LanguageModel Create(string name, ElementType type) => TinyModel.Create(
        name switch
        {
            "qwen3" => TinyModel.Qwen,
            // Below its trained length, where every chunking has the same base.
            "dynamic" => TinyModel.Config with { Rope = new RopeSettings { Kind = RopeKind.Dynamic, Factor = 2, OriginalPositions = 512 } },
            _ => TinyModel.Config,
        },
        type);

    [Theory]
    [MemberData(nameof(Models))]
    public void Any_cut_of_a_sequence_gives_the_bits_of_the_whole(string name, ElementType type)
    {
        using LanguageModel model = Create(name, type);
        using PagePool pool = new(1 << 28, poison: true);
        int[] tokens = TinyModel.Tokens(77);
        float[] whole = TinyModel.Whole(model, tokens);
        Assert.All(whole, value => Assert.True(float.IsFinite(value)));
        foreach (Func<int, int> chunk in (Func<int, int>[])[_ => 77, _ => 1, _ => 32, at => 1 + (at % 7), at => at == 0 ? 33 : 1])
        {
            Assert.Equal(whole, TinyModel.Chunked(model, pool, tokens, chunk));
        }
        Assert.Equal(0, pool.UsedBytes);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Neighbours_order_and_threads_do_not_change_a_rows_bits(string name, ElementType type)
    {
        using LanguageModel model = Create(name, type);
        int[][] sequences = [TinyModel.Tokens(1, 1), TinyModel.Tokens(17, 2), TinyModel.Tokens(40, 3), TinyModel.Tokens(2, 4), TinyModel.Tokens(33, 5)];
        Team.Use(1);
        float[][] alone = [.. sequences.Select(s => TinyModel.Whole(model, s))];
        for (int team = 1; team <= 3; team++)
        {
            Team.Use(team);
            Assert.Equal(alone, TinyModel.Whole(model, null, false, sequences));
            Assert.Equal(alone.Reverse(), TinyModel.Whole(model, null, false, [.. sequences.Reverse()]));
            Assert.Equal(alone[2], TinyModel.Whole(model, sequences[2]));
        }
    }

    [Fact]
    public void A_mixed_step_of_prefill_and_decode_gives_each_sequence_its_own_bits()
    {
        using LanguageModel model = Create("llama", ElementType.BF16);
        using PagePool pool = new(1 << 28, poison: true);
        int[] a = TinyModel.Tokens(41, 1), b = TinyModel.Tokens(60, 2);
        using SequenceState first = new(pool, model), second = new(pool, model);
        using ModelRun run = new();
        first.Reserve(40);
        run.Rows = new Rows([(first, 40)]);
        model.Forward(run, Input.Of(a.AsSpan(0, 40)));
        first.Append(40);
        first.Reserve(1);
        second.Reserve(60);
        run.Rows = new Rows([(second, 60), (first, 1)]);
        float[] logits = model.Logits(run, model.Forward(run, Input.Of((int[])[.. b, a[40]]))).Span.ToArray();
        int width = TinyModel.Config.VocabularySize;
        Assert.Equal(TinyModel.Whole(model, b), logits[..(60 * width)]);
        Assert.Equal(TinyModel.Whole(model, a)[(40 * width)..], logits[(60 * width)..]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Recording_does_not_change_the_bits_of_a_forward(bool checkpointing)
    {
        using LanguageModel model = Create("qwen3", ElementType.F32);
        int[] tokens = TinyModel.Tokens(37);
        float[] plain = TinyModel.Whole(model, tokens);
        using ModelRun run = new() { Rows = new Rows(37), Tape = new Tape(), Checkpointing = checkpointing };
        model.FinalNorm!.Weight.Trainable = true;
        model.Blocks[0].MixerNorm!.Weight.Trainable = true;
        run.Tape.Begin(run);
        Tensor logits = model.Logits(run, model.Forward(run, Input.Of(tokens)));
        Assert.True(logits.Recorded);
        Assert.Equal(plain, logits.Span.ToArray());
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen3")]
    public void Checkpointing_gives_the_same_bits_of_every_gradient(string name)
    {
        using LanguageModel model = Create(name, ElementType.F32);
        model.MakeTrainable();
        int[] tokens = TinyModel.Tokens(29);
        Dictionary<string, float[]> Gradients(bool checkpointing)
        {
            foreach (Parameter parameter in model.TrainedParameters)
            {
                parameter.ClearGradient();
            }
            using ModelRun run = new() { Rows = new Rows(29), Tape = new Tape(), Checkpointing = checkpointing };
            run.Tape.Begin(run);
            run.Tape.Backward(run, TinyModel.Loss(model, run, tokens));
            return model.TrainedParameters.ToDictionary(p => p.Name, p => p.Gradient.Span.ToArray());
        }
        Dictionary<string, float[]> kept = Gradients(false), recomputed = Gradients(true);
        Assert.Equal(model.Tensors.Count(), kept.Count);
        Assert.Equal(kept, recomputed);
        Assert.All(kept.Values, gradient => Assert.Contains(gradient, value => value != 0));
    }

    [Fact]
    public void A_decode_step_allocates_no_managed_memory()
    {
        using LanguageModel model = Create("qwen3", ElementType.BF16);
        using PagePool pool = new(1 << 28);
        using SequenceState a = new(pool, model), b = new(pool, model);
        using ModelRun run = new();
        a.Reserve(60);
        b.Reserve(60);
        run.Rows = new Rows([(a, 3), (b, 2)]);
        model.Forward(run, Input.Of([1, 2, 3, 4, 5]));
        a.Append(3);
        b.Append(2);
        run.Rows = new Rows([(a, 1), (b, 1)]);
        int[] tokens = [6, 7];
        void Step()
        {
            run.Arena.Reset();
            run.Rows.Advance();
            model.Logits(run, model.Forward(run, Input.Of(tokens)));
            a.Append(1);
            b.Append(1);
        }
        for (int i = 0; i < 20; i++)
        {
            Step();
        }
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++)
        {
            Step();
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void All_native_memory_is_freed()
    {
        long before = Storage.LiveBytes;
        using (LanguageModel model = Create("llama", ElementType.BF16))
        {
            using PagePool pool = new(1 << 28);
            TinyModel.Chunked(model, pool, TinyModel.Tokens(50), _ => 8);
            model.MakeTrainable();
            using ModelRun run = new() { Rows = new Rows(9), Tape = new Tape() };
            run.Tape.Begin(run);
            run.Tape.Backward(run, TinyModel.Loss(model, run, TinyModel.Tokens(9)));
            model.Freeze(ElementType.F16);
        }
        Assert.Equal(before, Storage.LiveBytes);
    }

    [Fact]
    public void A_model_that_cannot_be_finished_frees_what_it_took()
    {
        long before = Storage.LiveBytes;
        Assert.Throws<NotSupportedException>(() => ModelLoader.Build(TinyModel.Config, new Breaking()));
        Assert.Equal(before, Storage.LiveBytes);
    }

    [Fact]
    public void Training_and_freezing_keep_the_values_and_the_tie()
    {
        using LanguageModel model = Create("llama", ElementType.BF16);
        Weight HeadOf() => model.Head.Sites[0].Weight;
        float[] table = model.Embedding.Weight.ToArray(), logits = TinyModel.Whole(model, TinyModel.Tokens(5));
        model.MakeTrainable();
        Assert.Same(model.Embedding.Weight, HeadOf());
        Assert.Equal(table, HeadOf().ToArray());
        model.Freeze(ElementType.BF16);
        Assert.Same(model.Embedding.Weight, HeadOf());
        Assert.Empty(model.TrainedParameters);
        Assert.Equal(logits, TinyModel.Whole(model, TinyModel.Tokens(5)));
    }

    [Fact]
    public void A_tap_sees_every_site_once_also_when_blocks_are_computed_again()
    {
        using LanguageModel model = Create("qwen3", ElementType.F32);
        model.MakeTrainable();
        Counting tap = new();
        using ModelRun run = new() { Rows = new Rows(6), Tape = new Tape(), Checkpointing = true, Tap = tap };
        run.Tape.Begin(run);
        Tensor hidden = model.Forward(run, Input.Of(TinyModel.Tokens(6)));
        Tensor logits = model.Logits(run, hidden);
        run.Tape.Backward(run, logits, Seed(run, logits));
        Assert.Equal(model.Sites.ToHashSet(), tap.Inputs.Keys.ToHashSet());
        Assert.All(tap.Inputs.Values, count => Assert.Equal(1, count));
        Assert.Equal(tap.Inputs, tap.Outputs);
    }

    private static Tensor Seed(ModelRun run, in Tensor like)
    {
        Tensor seed = run.Arena.Allocate(like.Shape);
        seed.Span.Fill(1f);
        return seed;
    }

    private sealed class Counting : ITap
    {
        public Dictionary<Site, int> Inputs { get; } = [];

        public Dictionary<Site, int> Outputs { get; } = [];

        public void Input(Site site, in Tensor x) => Inputs[site] = Inputs.GetValueOrDefault(site) + 1;

        public void Output(Site site, in Tensor y) => Outputs[site] = Outputs.GetValueOrDefault(site) + 1;
    }

    private sealed class Breaking : ITensorSource
    {
        private readonly RandomSource inner = new(new CounterRandom(1));
        private int left = 9;

        public bool Differ(string name, string other) => false;

        public int Rows(string name, int configured) => configured;

        public Weight Matrix(string name, int outputs, int inputs) =>
            left-- > 0 ? inner.Matrix(name, outputs, inputs) : throw new NotSupportedException("enough");

        public Parameter Vector(string name, int length) => inner.Vector(name, length);
    }
}
