using Lorikeet.Models.Text;
using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests.Data;

public class PackingTests
{
    [Fact]
    public void Every_target_of_a_long_text_comes_once()
    {
        int[] ids = [.. Enumerable.Range(0, 23)];
        TokenDocuments documents = new(8);
        documents.Add(ids, [.. ids.Select(_ => true)], [.. ids.Select(_ => (short)1)], whole: true);
        Batch batch = Assert.Single(DocumentTokens.InOrder(documents.All(), 100));
        Assert.Equal([8, 8, 6], batch.Lengths);
        Assert.Equal(ids[..^1], batch.Tokens);
        Assert.Equal(ids[1..], batch.Targets);
        Assert.Equal(22, batch.Bytes);
    }

    [Fact]
    public void An_exchange_that_is_too_long_loses_its_end()
    {
        TokenDocuments documents = new(4);
        documents.Add([1, 2, 3, 4, 5, 6, 7], [false, false, false, true, true, true, true], new short[7], whole: false);
        documents.Add([1, 2, 3, 4, 5, 6], [false, false, false, false, false, true], new short[6], whole: false);
        Assert.Equal(1, documents.PieceCount);
        Assert.Equal(2, documents.CutCount);
        Batch batch = documents.Pack([0]);
        Assert.Equal([1, 2, 3, 4], batch.Tokens);
        Assert.Equal([-1, -1, 4, 5], batch.Targets);
    }

    [Fact]
    public void An_epoch_uses_every_piece_once_in_an_order_of_its_own()
    {
        PackedBatches source = Tiny.Data(5, documents: 40, tokens: 48);
        List<int[]> orders = [];
        for (int epoch = 0; epoch < 2; epoch++)
        {
            List<int> tokens = [];
            while (source.Position.Epoch == epoch)
            {
                Batch batch = source.Next();
                Assert.InRange(batch.Tokens.Length, 1, 48);
                tokens.AddRange(batch.Tokens);
            }
            orders.Add([.. tokens]);
        }
        Assert.Equal(orders[0].Order(), orders[1].Order());
        Assert.NotEqual(orders[0], orders[1]);
        Assert.Equal(source.BatchCount(1) + source.BatchCount(2), (2 * source.BatchCount(1)) + source.BatchCount(2) - source.BatchCount(1));
    }

    [Fact]
    public void Any_position_can_be_taken_up_again()
    {
        PackedBatches whole = Tiny.Data(6);
        List<(DataPosition Position, int[] Tokens)> seen = [];
        for (int i = 0; i < 30; i++)
        {
            DataPosition position = whole.Position;
            seen.Add((position, whole.Next().Tokens));
        }
        foreach ((DataPosition position, int[] tokens) in seen.AsEnumerable().Reverse())
        {
            PackedBatches other = Tiny.Data(6);
            other.Position = position;
            Assert.Equal(tokens, other.Next().Tokens);
        }
    }

    [Fact]
    public void Documents_end_with_the_end_token_and_count_their_bytes()
    {
        DataRecord text = new([new TextPart("héé", true)], true), exchange = new([new TextPart("ab", false), new TextPart("cd", true)], false);
        TokenDocuments documents = DocumentTokens.Encode([text, exchange], new ByteTokenizer(), 16);
        Batch batch = documents.Pack([0, 1]);
        Assert.Equal([(int)'h', 0xC3, 0xA9, 0xC3, 0xA9, 'a', 'b', 'c', 'd'], batch.Tokens);
        Assert.Equal([0xC3, 0xA9, 0xC3, 0xA9, 256, -1, 'c', 'd', 256], batch.Targets);
        Assert.Equal([5, 4], batch.Lengths);
        // The first byte of a text is given, so it is not foretold.
        Assert.Equal(4 + 2, batch.Bytes);
    }

    [Fact]
    public void Held_out_pieces_are_the_last_ones()
    {
        TokenDocuments documents = new(4);
        for (int i = 0; i < 10; i++)
        {
            documents.Add([i, i, i], [true, true, true], new short[3], whole: true);
        }
        (PieceSet first, PieceSet last) = documents.Split(0.25);
        Assert.Equal((0, 8, 8, 2), (first.First, first.Count, last.First, last.Count));
        Assert.Equal([8, 8, 9, 9], DocumentTokens.InOrder(last, 100)[0].Tokens);
    }

    [Fact]
    public void Neighbours_in_a_batch_do_not_change_a_loss()
    {
        using Models.LanguageModel model = Tiny.Model();
        Batch a = new([1, 2, 3, 4], [2, 3, 4, 5], [4]), b = new([9, 8, 7], [8, 7, 6], [3]);
        Batch both = new([.. a.Tokens, .. b.Tokens], [.. a.Targets, .. b.Targets], [4, 3]);
        double alone = ((Evaluator.Run(model, null, [a]).Loss * 4) + (Evaluator.Run(model, null, [b]).Loss * 3)) / 7;
        Assert.Equal(alone, Evaluator.Run(model, null, [both]).Loss, 12);
    }
}
