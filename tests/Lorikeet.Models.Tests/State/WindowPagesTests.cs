using Lorikeet.Models.Tests.Architectures;

namespace Lorikeet.Models.Tests.State;

/// <summary>Blocks that see a window keep the pages of that window, and the answers stay bit for bit what they are without giving any back.</summary>
public sealed class WindowPagesTests
{
    private const int Tokens = 400;

    [Theory]
    [InlineData(8, 1)]
    [InlineData(8, 50)]
    [InlineData(64, 1)]
    [InlineData(64, 7)]
    [InlineData(1, 33)]
    [InlineData(33, 400)]
    public void A_long_sequence_holds_the_windows_pages(int window, int chunk)
    {
        using LanguageModel model = TinyModel.Create(TinyModel.Config with { ModelType = "qwen3", QueryKeyNorm = true, Windows = [window, window, window] });
        long page = (long)model.Blocks[0].Mixer.State.PageFloats * sizeof(float);
        long most = 3 * page * ((window - 1 + chunk + 62) / 32);
        (float[] logits, long peak, long end) = Run(model, TinyModel.Tokens(Tokens), chunk);
        Assert.True(peak <= most, $"{peak / page} pages held, at most {most / page} needed");
        Assert.True(end <= 3 * page * ((window + 62) / 32), $"{end / page} pages held at the end");
        Same(TinyModel.Whole(model, TinyModel.Tokens(Tokens)), logits);
    }

    [Fact]
    public void Blocks_that_see_everything_keep_their_pages()
    {
        using LanguageModel model = TinyModel.Create(TinyModel.Config with { ModelType = "qwen3", QueryKeyNorm = true, Windows = [8, 0, 40] });
        long page = (long)model.Blocks[0].Mixer.State.PageFloats * sizeof(float);
        (float[] logits, long peak, _) = Run(model, TinyModel.Tokens(Tokens), 1);
        Assert.InRange(peak / page, Tokens / 32, (Tokens / 32) + 1 + 2 + 3);
        Same(TinyModel.Whole(model, TinyModel.Tokens(Tokens)), logits);
    }

    [Fact]
    public void A_whole_prompt_reserved_at_once_takes_what_its_chunks_need()
    {
        using LanguageModel model = TinyModel.Create(TinyModel.Config with { ModelType = "qwen3", QueryKeyNorm = true, Windows = [40, 40, 40] });
        long page = (long)model.Blocks[0].Mixer.State.PageFloats * sizeof(float);
        int[] ids = TinyModel.Tokens(Tokens);
        using PagePool pool = new(long.MaxValue, poison: true);
        StateLayout layout = new(model);
        using SequenceState state = new(pool, layout);
        Assert.Equal(layout.Bytes(Tokens, 50), state.Missing(Tokens, 50));
        state.Reserve(Tokens, 50);
        long held = pool.UsedBytes;
        Assert.Equal(layout.Bytes(Tokens, 50), held);
        Assert.Equal(3 * page * ((39 + 50 + 62) / 32), held);
        using ModelRun run = new();
        List<float> logits = [];
        for (int at = 0; at < Tokens; at += 50)
        {
            Assert.Equal(0, state.Missing(Tokens - at, 50));
            run.Arena.Reset();
            run.Rows = new Rows([(state, 50)]);
            logits.AddRange(model.Logits(run, model.Forward(run, Input.Of(ids.AsSpan(at, 50)))).Span);
            state.Append(50);
            Assert.True(pool.UsedBytes <= held);
        }
        Same(TinyModel.Whole(model, ids), [.. logits]);
    }

    [Fact]
    public void A_step_of_more_rows_than_were_announced_is_refused()
    {
        using LanguageModel model = TinyModel.Create(TinyModel.Config with { ModelType = "qwen3", QueryKeyNorm = true, Windows = [4, 4, 4] });
        using PagePool pool = new(1 << 24);
        using SequenceState state = new(pool, model);
        state.Reserve(Tokens, 8);
        using ModelRun run = new() { Rows = new Rows([(state, 200)]) };
        Assert.Contains("has room for", Assert.Throws<InvalidOperationException>(() => { model.Forward(run, Input.Of(new int[200])); }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fork_copies_the_pages_that_are_left()
    {
        using LanguageModel model = TinyModel.Create(TinyModel.Config with { ModelType = "qwen3", QueryKeyNorm = true, Windows = [8, 0, 33] });
        int[] ids = TinyModel.Tokens(Tokens);
        using PagePool pool = new(long.MaxValue, poison: true);
        using SequenceState state = new(pool, model);
        using ModelRun run = new();
        Feed(model, run, state, ids.AsSpan(0, 150));
        using SequenceState fork = state.Fork();
        float[] ours = Feed(model, run, state, ids.AsSpan(150, 100));
        state.Dispose();
        float[] theirs = Feed(model, run, fork, ids.AsSpan(150, 100));
        Same(ours, theirs);
        fork.Dispose();
        Assert.Equal(0, pool.UsedBytes);
    }

    private static float[] Feed(LanguageModel model, ModelRun run, SequenceState state, ReadOnlySpan<int> ids)
    {
        run.Arena.Reset();
        state.Reserve(ids.Length);
        run.Rows = new Rows([(state, ids.Length)]);
        float[] logits = model.Logits(run, model.Forward(run, Input.Of(ids))).Span.ToArray();
        state.Append(ids.Length);
        return logits;
    }

    private static (float[] Logits, long Peak, long End) Run(LanguageModel model, int[] tokens, int chunk)
    {
        using PagePool pool = new(long.MaxValue, poison: true);
        using SequenceState state = new(pool, model);
        using ModelRun run = new();
        List<float> logits = [];
        long peak = 0;
        for (int at = 0; at < tokens.Length; at += chunk)
        {
            int rows = Math.Min(chunk, tokens.Length - at);
            run.Arena.Reset();
            state.Reserve(rows);
            peak = Math.Max(peak, pool.UsedBytes);
            run.Rows = new Rows([(state, rows)]);
            logits.AddRange(model.Logits(run, model.Forward(run, Input.Of(tokens.AsSpan(at, rows)))).Span);
            state.Append(rows);
        }
        return ([.. logits], peak, pool.UsedBytes);
    }

    private static void Same(float[] expected, float[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(expected[i].Equals(found[i]), $"element {i}: {found[i]:R}, expected {expected[i]:R}");
        }
    }
}
