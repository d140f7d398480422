using Lorikeet.Models.Tests.Architectures;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Tests.State;

[Collection(nameof(Alone))]
public sealed unsafe class PagesTests : IDisposable
{
    private readonly LanguageModel model = TinyModel.Create(TinyModel.Config);

    public void Dispose() => model.Dispose();

    [Fact]
    public void A_page_given_back_holds_NaN_and_is_given_out_again()
    {
        using PagePool pool = new(1000 * sizeof(float), poison: true);
        float* page = pool.TryRent(100);
        new Span<float>(page, 100).Fill(1f);
        pool.Return(page, 100);
        float* again = pool.TryRent(100);
        Assert.True(page == again);
        foreach (float value in new Span<float>(again, 100))
        {
            Assert.True(float.IsNaN(value));
        }
        Assert.Equal(400, pool.HeldBytes);
    }

    [Fact]
    public void The_budget_holds_across_sizes()
    {
        using PagePool pool = new(400);
        float* small = pool.TryRent(50), other = pool.TryRent(50);
        Assert.True(pool.TryRent(1) is null);
        pool.Return(small, 50);
        pool.Return(other, 50);
        // The kept small pages make room for one of another size.
        Assert.True(pool.TryRent(100) is not null);
        Assert.Equal(400, pool.HeldBytes);
        Assert.True(pool.TryRent(1) is null);
    }

    [Fact]
    public void A_page_is_given_back_once_and_with_its_size()
    {
        using PagePool pool = new(4000);
        nint page = (nint)pool.TryRent(100);
        Assert.Throws<ArgumentException>(() => pool.Return((float*)page, 99));
        pool.Return((float*)page, 100);
        Assert.Throws<ArgumentException>(() => pool.Return((float*)page, 100));
    }

    [Fact]
    public void A_reserve_that_fails_takes_nothing_and_leaves_the_sequence_as_it_was()
    {
        long page = 4L * model.Blocks[0].Mixer.State.PageFloats;
        int layers = model.Blocks.Count;
        using PagePool pool = new(page * ((2 * layers) + 1));
        using SequenceState state = new(pool, model);
        state.Reserve(SequenceState.PageTokens);
        long used = pool.UsedBytes;
        Assert.Equal(page * layers, used);
        Assert.Throws<OutOfPagesException>(() => state.Reserve(3 * SequenceState.PageTokens));
        Assert.Equal(used, pool.UsedBytes);
        Assert.Equal(SequenceState.PageTokens, state.Reserved);
        state.Reserve(2 * SequenceState.PageTokens);
        Assert.Equal(2 * SequenceState.PageTokens, state.Reserved);
        state.Dispose();
        Assert.Equal(0, pool.UsedBytes);
    }

    [Fact]
    public void A_step_beyond_the_pages_is_refused()
    {
        using PagePool pool = new(1 << 24);
        using SequenceState state = new(pool, model);
        using ModelRun run = new() { Rows = new Rows([(state, 2)]) };
        Assert.Contains("reserve", Assert.Throws<InvalidOperationException>(() => { model.Forward(run, Input.Of([1, 2])); }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_step_whose_rows_were_made_before_the_last_append_is_refused()
    {
        using PagePool pool = new(1 << 24);
        using SequenceState state = new(pool, model);
        state.Reserve(4);
        using ModelRun run = new() { Rows = new Rows([(state, 2)]) };
        model.Forward(run, Input.Of([1, 2]));
        state.Append(2);
        Assert.Throws<InvalidOperationException>(() => { model.Forward(run, Input.Of([1, 2])); });
    }

    [Fact]
    public void Rows_narrow_to_whole_sequences()
    {
        Rows rows = new(3, 4, 5);
        Rows part = rows.Narrow(3, 9);
        Assert.Equal((3, 9, 2), (part.First, part.Count, part.Sequences.Length));
        Assert.Equal([(0, 4), (4, 5)], part.Sequences.Select(s => (s.Row, s.Rows)));
        Assert.Equal((7, 5), (part.Narrow(4, 5).First, part.Narrow(4, 5).Count));
        Assert.Equal(3, rows.Sequences[1].Row);
        Assert.Throws<InvalidOperationException>(() => rows.Narrow(3, 8));
        Assert.Throws<InvalidOperationException>(() => rows.Narrow(2, 5));
    }

    [Fact]
    public void Only_decode_rows_advance()
    {
        using PagePool pool = new(1 << 24);
        using SequenceState state = new(pool, model);
        Rows rows = new([(state, 2)]);
        Assert.Throws<InvalidOperationException>(rows.Advance);
        Assert.Throws<ArgumentOutOfRangeException>(() => new Rows([(state, 0)]));
    }

    [Fact]
    public void Recording_through_stored_pages_is_refused_because_it_has_no_backward()
    {
        using PagePool pool = new(1 << 24);
        using SequenceState state = new(pool, model);
        state.Reserve(2);
        model.MakeTrainable();
        using ModelRun run = new() { Rows = new Rows([(state, 2)]), Tape = new Tape() };
        run.Tape.Begin(run);
        Assert.Contains("backward", Assert.Throws<InvalidOperationException>(() => { model.Forward(run, Input.Of([1, 2])); }).Message, StringComparison.Ordinal);
    }
}
