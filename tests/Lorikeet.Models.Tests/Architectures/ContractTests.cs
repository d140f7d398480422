using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Models.Tests.Files;
using Lorikeet.Models.Tests.Sites;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Tests.Architectures;

/// <summary>What holds for every architecture, on a tiny model with random weights: serving, training and saving are one definition.</summary>
[Collection(nameof(Alone))]
public sealed class ContractTests : IDisposable
{
    private readonly int threads = Team.Shared.Threads;

    public void Dispose() => Team.Use(threads);

    public static TheoryData<string> Names => TinyArchitectures.Names;

    [Fact]
    public void Every_model_type_has_a_row() =>
        Assert.Empty(Architecture.All.Select(a => a.ModelType).Except(TinyArchitectures.All.Values.Select(c => c.ModelType)));

    [Theory]
    [MemberData(nameof(Names))]
    public void Any_cut_of_a_sequence_gives_the_bits_of_the_whole(string name)
    {
        using LanguageModel model = TinyArchitectures.Create(name);
        using PagePool pool = new(1 << 28, poison: true);
        int[] tokens = TinyModel.Tokens(70);
        float[] whole = TinyModel.Whole(model, tokens);
        Assert.All(whole, value => Assert.True(float.IsFinite(value)));
        foreach (Func<int, int> chunk in (Func<int, int>[])[_ => 1, _ => 32, at => 1 + (at % 7)])
        {
            Assert.Equal(whole, TinyModel.Chunked(model, pool, tokens, chunk));
        }
        Assert.Equal(0, pool.UsedBytes);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_mixed_batch_gives_each_row_the_bits_it_has_alone(string name)
    {
        using LanguageModel model = TinyArchitectures.Create(name);
        using Adapter a = TinyAdapters.LowRank(model, "a", 21, 3), b = TinyAdapters.LowRank(model, "b", 22, 5, lowers: false), c = TinyAdapters.Scaled(model, "c", 23);
        int[][] sequences = [.. Enumerable.Range(0, 5).Select(i => TinyModel.Tokens(2 + (9 * i), (ulong)i))];
        Adapter?[] own = [a, null, b, c, a];
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

    [Theory]
    [MemberData(nameof(Names))]
    public void Rows_of_the_token_table_in_place_of_ids_give_the_bits_of_the_ids(string name)
    {
        using LanguageModel model = TinyArchitectures.Create(name);
        int[] tokens = TinyModel.Tokens(20);
        float[] rows = new float[tokens.Length * model.EmbeddingWidth];
        for (int i = 0; i < tokens.Length; i++)
        {
            model.ReadEmbedding(tokens[i], rows.AsSpan(i * model.EmbeddingWidth, model.EmbeddingWidth));
        }
        PromptRows prompt = PromptRows.Of(rows, model.EmbeddingWidth);
        float[] whole = TinyModel.Whole(model, tokens);
        using Parameter embeddings = new("embeddings", Storage.Zeros(new Shape(tokens.Length, model.EmbeddingWidth)));
        rows.CopyTo(embeddings.Value.Span);
        using ModelRun run = new() { Rows = new Rows(tokens.Length) };
        Assert.Equal(whole, model.Logits(run, model.Forward(run, Input.Of(embeddings.Value))).Span);
        run.Arena.Reset();
        Assert.Equal(whole, model.Logits(run, model.Forward(run, Input.Of(new int[tokens.Length], [new GivenRows(0, tokens.Length, prompt, 0)]))).Span);
        // Some of them, from the middle of the prompt.
        int[] mixed = [.. tokens];
        mixed.AsSpan(3, 5).Clear();
        run.Arena.Reset();
        Assert.Equal(whole, model.Logits(run, model.Forward(run, Input.Of(mixed, [new GivenRows(3, 5, prompt, 3)]))).Span);
        run.Arena.Reset();
        Assert.NotEqual(whole, model.Logits(run, model.Forward(run, Input.Of(mixed))).Span.ToArray());
    }

    /// <summary>What Transformers gives and takes as embeddings: Gemma's are scaled as they are read, Granite's later.</summary>
    [Fact]
    public void A_row_is_read_with_the_scale_of_the_table_and_without_that_of_the_model()
    {
        foreach (string name in TinyArchitectures.All.Keys)
        {
            using LanguageModel model = TinyArchitectures.Create(name);
            float[] read = new float[model.EmbeddingWidth], stored = new float[model.EmbeddingWidth];
            model.ReadEmbedding(5, read);
            model.Embedding.Weight.Read(5, stored);
            float scale = model.Config.ModelType.StartsWith("gemma", StringComparison.Ordinal) ? MathF.Sqrt(model.Config.HiddenSize) : 1f;
            Assert.Equal(stored.Select(v => v * scale), read);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_recorded_run_has_the_same_bits_and_the_gradients_of_its_loss(string name)
    {
        using LanguageModel model = TinyArchitectures.Create(name);
        int[] tokens = TinyModel.Tokens(23);
        model.MakeTrainable();
        float[] plain = TinyModel.Whole(model, tokens);
        (float[] logits, Dictionary<string, float[]> kept) = Gradients(model, tokens, checkpointing: false);
        (_, Dictionary<string, float[]> recomputed) = Gradients(model, tokens, checkpointing: true);
        Assert.Equal(plain, logits);
        Assert.Equal(kept, recomputed);
        Assert.Equal(model.Tensors.Count(), kept.Count);
        int walked = model.TrainedParameters.Count(parameter => AlongGradient(model, parameter, kept[parameter.Name], tokens));
        Assert.True(4 * walked >= 3 * kept.Count, $"only {walked} of {kept.Count} gradients are long enough to be walked along");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_decode_step_allocates_no_managed_memory(string name)
    {
        using LanguageModel model = TinyArchitectures.Create(name);
        using PagePool pool = new(1 << 28);
        using SequenceState a = new(pool, model), b = new(pool, model);
        using ModelRun run = new();
        a.Reserve(60);
        b.Reserve(60);
        run.Rows = new Rows([(a, 1), (b, 1)]);
        int[] tokens = [6, 7];
        void Steps(int count)
        {
            for (int i = 0; i < count; i++)
            {
                run.Arena.Reset();
                run.Rows.Advance();
                model.Logits(run, model.Forward(run, Input.Of(tokens)));
                a.Append(1);
                b.Append(1);
            }
        }
        Steps(20);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Steps(20);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_saved_model_loads_with_equal_bits_and_every_tensor_it_has(string name)
    {
        using TemporaryFolder folder = new();
        long before = Storage.LiveBytes;
        using (LanguageModel model = TinyArchitectures.Create(name))
        {
            ModelWriter.Save(model, folder.Path);
            using LanguageModel loaded = ModelLoader.Load(folder.Path);
            Assert.Equal(TinyModel.Whole(model, TinyModel.Tokens(20)), TinyModel.Whole(loaded, TinyModel.Tokens(20)));
            using TensorFolder files = TensorFolder.Open(folder.Path);
            Assert.Equal(model.Tensors.Select(t => t.Name).Order(), files.Names.Order());
        }
        Assert.Equal(before, Storage.LiveBytes);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_missing_or_misshapen_tensor_is_named_in_one_line(string name)
    {
        using TemporaryFolder folder = new();
        using LanguageModel model = TinyArchitectures.Create(name);
        ModelWriter.Save(model, folder.Path);
        string path = Path.Combine(folder.Path, "model.safetensors");
        Dictionary<string, string> none = [];
        List<TensorToWrite> all = [];
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            foreach (StoredTensor tensor in file.Tensors)
            {
                float[] values = new float[tensor.Count];
                file.ReadSingle(tensor, values);
                all.Add(TensorToWrite.Single(tensor.Name, tensor.Shape, values));
            }
        }
        foreach (TensorToWrite tensor in all.Where((t, i) => i % 5 == 0 && !t.Name.Contains("lm_head", StringComparison.Ordinal)))
        {
            SafetensorsWriter.Write(path, none, [.. all.Where(t => t != tensor)]);
            Refused(tensor.Name);
            long[] wrong = [.. tensor.Shape.Reverse(), 1];
            SafetensorsWriter.Write(path, none, [.. all.Select(t => t == tensor ? t with { Shape = wrong } : t)]);
            Refused(tensor.Name);
        }

        void Refused(string tensor)
        {
            BadFileException refusal = Assert.Throws<BadFileException>(() => ModelLoader.Load(folder.Path));
            Assert.Contains(tensor, refusal.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', refusal.Message);
        }
    }

    private static (float[] Logits, Dictionary<string, float[]> Gradients) Gradients(LanguageModel model, int[] tokens, bool checkpointing)
    {
        foreach (Parameter parameter in model.TrainedParameters)
        {
            parameter.ClearGradient();
        }
        using ModelRun run = new() { Rows = new Rows(tokens.Length), Tape = new Tape(), Checkpointing = checkpointing };
        run.Tape.Begin(run);
        float[] logits = model.Logits(run, model.Forward(run, Input.Of(tokens))).Span.ToArray();
        run.Tape.Begin(run);
        run.Tape.Backward(run, TinyModel.Loss(model, run, tokens));
        return (logits, model.TrainedParameters.ToDictionary(p => p.Name, p => p.HasGradient ? p.Gradient.Span.ToArray() : []));
    }

    /// <summary>The loss must rise along a gradient by the gradient's own length.</summary>
    private static bool AlongGradient(LanguageModel model, Parameter parameter, float[] gradient, int[] tokens)
    {
        double length = Math.Sqrt(gradient.Sum(g => (double)g * g));
        Assert.True(gradient.Length > 0 && double.IsFinite(length), parameter.Name);
        // On a key's bias the loss does not depend where there are no rotations: softmax sees differences only.
        if (length < 1e-3)
        {
            return false;
        }
        float[] at = parameter.Value.Span.ToArray();
        double Loss(double step)
        {
            for (int i = 0; i < at.Length; i++)
            {
                parameter.Value.Span[i] = (float)(at[i] + (step * gradient[i] / length));
            }
            using ModelRun run = new() { Rows = new Rows(tokens.Length) };
            double loss = TinyModel.Loss(model, run, tokens).Span[0];
            at.CopyTo(parameter.Value.Span);
            return loss;
        }
        // A long step would change which experts are chosen, and the loss jumps there.
        double step = model.ExpertStacks.Any() ? 5e-4 : 4e-3;
        double slope = (Loss(step) - Loss(-step)) / (2 * step);
        Assert.True(Math.Abs(slope - length) <= (0.02 * length) + 5e-4, $"{parameter.Name}: the loss rises by {slope:G5}, the gradient says {length:G5}");
        return true;
    }
}
