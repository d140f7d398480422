using Lorikeet.Models.Tests.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Models.Tests.Text;

public sealed class ByteTokenizerTests
{
    private const string Text = "a\0é\u2028中😀\n<|endoftext|>b<|endoftext";

    [Fact]
    public void A_byte_is_a_token()
    {
        ByteTokenizer tokenizer = new();
        Assert.Equal(257, tokenizer.VocabularySize);
        Assert.Equal([(int?)null, 256, 256], [tokenizer.BosId, tokenizer.EosId, tokenizer.PadId]);
        Assert.Equal([0x61, 0, 0xC3, 0xA9, 256], tokenizer.Encode("a\0é<|endoftext|>"));
        Assert.Equal(Text, tokenizer.Decode(tokenizer.Encode(Text), skipSpecialTokens: false));
        Assert.Equal(Text.Replace("<|endoftext|>", "", StringComparison.Ordinal), tokenizer.Decode(tokenizer.Encode(Text)));
        Assert.Equal(tokenizer.Encode(Text), tokenizer.EncodeFull(Text).Ids);
        Assert.Equal([(0, 1), (1, 2), (2, 3), (2, 3)], tokenizer.EncodeFull("a\0é").Offsets);
        Assert.True(tokenizer.IsSpecial(256));
        Assert.Equal("\uFFFD", tokenizer.Decode([0xC3]));
    }

    [Fact]
    public void The_saved_file_is_read_as_itself_and_as_a_plain_bpe()
    {
        using TemporaryFolder folder = new();
        new ByteTokenizer().Save(folder.Path);
        Assert.IsType<ByteTokenizer>(Tokenizer.Load(folder.Path));

        // Another program may write the same JSON with other spaces.
        File.AppendAllText(folder["tokenizer.json"], "\n");
        Tokenizer plain = Tokenizer.Load(folder.Path);
        Assert.IsType<BpeTokenizer>(plain);
        Assert.Equal(new ByteTokenizer().Encode(Text), plain.Encode(Text));
        Assert.Equal(257, plain.VocabularySize);
        Assert.Equal(256, plain.EosId);
    }

    [Fact]
    public void A_stream_never_gives_half_a_character()
    {
        TextStream stream = new ByteTokenizer().Stream();
        Assert.Equal(["", "é", "", "", "", "😀", ""], new[] { 0xC3, 0xA9, 0xF0, 0x9F, 0x98, 0x80, 256 }.Select(stream.Push));
        Assert.Equal("", stream.Push(0xF0));
        Assert.Equal("\uFFFD", stream.Close());
    }
}
