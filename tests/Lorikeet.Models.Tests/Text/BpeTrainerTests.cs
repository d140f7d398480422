using Lorikeet.Models.Text;

namespace Lorikeet.Models.Tests.Text;

public sealed class BpeTrainerTests
{
    [Fact]
    public void A_trained_tokenizer_is_saved_and_read()
    {
        using Lorikeet.Models.Tests.Files.TemporaryFolder folder = new();
        BpeTokenizer trained = BpeTrainer.Train(["the cat sat on the mat", "the rat"], new BpeTrainerOptions { VocabularySize = 270 });
        trained.Save(folder.Path);
        Tokenizer read = Tokenizer.Load(folder.Path);
        Assert.Equal(0, read.EosId);
        Assert.Equal(260, trained.VocabularySize);
        Assert.Equal(260, read.VocabularySize);
        Assert.Equal(trained.Encode("the mat 🐱<|endoftext|>"), read.Encode("the mat 🐱<|endoftext|>"));
        Assert.Equal("the mat 🐱", read.Decode(read.Encode("the mat 🐱<|endoftext|>")));
    }
}
