using System.Text;
using Lorikeet.Models.Files;
using Lorikeet.Models.Gguf;
using Lorikeet.Models.Tests.Files;
using Lorikeet.Models.Text;
using Lorikeet.Testing;

namespace Lorikeet.Models.Tests.Gguf;

public sealed class GgufVocabularyTests : IDisposable
{
    private static readonly string[] Texts = ["The quick brown fox", "  two spaces, été, 🚀!", "sum += a[i] * b[i];\n\n\tI'm 12345", "", "</s>a<s> b"];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // Folders of tokenizers that GGUF files can hold: written as metadata and read again they give the same ids and texts.
    [SharedTheory("parity/tokenizers")]
    [InlineData("gpt2")]
    [InlineData("llama3")]
    [InlineData("qwen2-style")]
    [InlineData("starcoder-style")]
    [InlineData("llama2")]
    [InlineData("mistral7b")]
    [InlineData("sp-bpe-legacy")]
    public void A_tokenizer_written_and_read_is_the_same(string name)
    {
        string source = SharedFiles.Path($"parity/tokenizers/{name}")!;
        Tokenizer own = Tokenizer.Load(source), back = Tokenizer.Load(Write(source, own.VocabularySize));
        foreach (string text in Texts)
        {
            int[] ids = own.Encode(text, addSpecialTokens: false);
            Assert.Equal(ids, back.Encode(text, addSpecialTokens: false));
            Assert.Equal(own.Encode(text), back.Encode(text));
            Assert.Equal(own.Decode(ids), back.Decode(ids));
        }
    }

    [SharedTheory("parity/tokenizers")]
    [InlineData("unigram-t5", "Unigram")]
    [InlineData("wordpiece-cased", "WordPiece")]
    public void Other_kinds_are_refused_by_name(string name, string kind)
    {
        string source = SharedFiles.Path($"parity/tokenizers/{name}")!;
        Assert.Contains(kind, Assert.Throws<NotSupportedException>(() => Write(source, 200_000)).Message, StringComparison.Ordinal);
    }

    [SharedFact("parity/gguf/llama-spm")]
    public void The_pieces_alone_are_enough()
    {
        string hub = SharedFiles.Path("parity/gguf/llama-spm/hf")!;
        File.Copy(Path.Combine(hub, "tokenizer.model"), folder["tokenizer.model"]);
        using GgufFile reference = GgufFile.Open(SharedFiles.Path("parity/gguf/llama-spm/f32.gguf")!);
        using GgufFile file = GgufFile.Open(Write(folder.Path, 320));
        foreach (string key in (ReadOnlySpan<string>)["tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type"])
        {
            Assert.Equal(reference.Metadata[key].Value, file.Metadata[key].Value);
        }
    }

    [Fact]
    public void A_damaged_tokenizer_model_is_refused_in_one_line()
    {
        // Two pieces: "a" with a score, and an unknown one.
        byte[] good = [0x0A, 8, 0x0A, 1, (byte)'a', 0x15, 0, 0, 0x80, 0x3F, 0x0A, 5, 0x0A, 1, (byte)'?', 0x18, 2, 0x12, 2, 0x18, 2];
        File.WriteAllBytes(folder["tokenizer.model"], good);
        SentencePieceFile read = SentencePieceFile.Read(folder["tokenizer.model"]);
        Assert.Equal([("a", 1f, TokenKind.Normal), ("?", 0f, TokenKind.Unknown)], read.Pieces);
        Assert.True(read.IsBpe && read.AddSpacePrefix);
        ulong state = 0x123456789ABCDEF;
        for (int round = 0; round < 3000; round++)
        {
            byte[] bad = [.. good];
            for (int i = 0; i < 3; i++)
            {
                state = (state * 6364136223846793005) + 1442695040888963407;
                bad[(int)((state >> 33) % (ulong)bad.Length)] = (byte)(state >> 20);
            }
            File.WriteAllBytes(folder["tokenizer.model"], round % 4 == 0 ? bad[..(round % bad.Length)] : bad);
            try
            {
                SentencePieceFile.Read(folder["tokenizer.model"]);
            }
            catch (BadFileException e)
            {
                Assert.DoesNotContain('\n', e.Message);
            }
        }
    }

    [Theory]
    [InlineData("tokenizer.ggml.model", "bert", typeof(NotSupportedException), "bert")]
    [InlineData("tokenizer.ggml.model", "no_vocab", typeof(BadFileException), "no vocabulary")]
    [InlineData("tokenizer.ggml.pre", "martian", typeof(NotSupportedException), "martian")]
    [InlineData("tokenizer.ggml.bos_token_id", 999u, typeof(BadFileException), "bos_token_id 999")]
    [InlineData("tokenizer.ggml.tokens", 5u, typeof(BadFileException), "tokens")]
    public void A_vocabulary_that_makes_no_sense_is_refused_by_name(string key, object value, Type exception, string message)
    {
        new ByteTokenizer().Save(folder.Path);
        string good = Write(folder.Path, 257);
        using (GgufFile file = GgufFile.Open(good))
        {
            Dictionary<string, GgufValue> metadata = new(file.Metadata) { [key] = GgufValue.Of(value) };
            GgufWriter.Write(folder["bad.gguf"], metadata, []);
        }
        Assert.Contains(message, Assert.Throws(exception, () => Tokenizer.Load(folder["bad.gguf"])).Message, StringComparison.Ordinal);
        Assert.Equal(Encoding.UTF8.GetBytes("é<").Select(b => (int)b), Tokenizer.Load(good).Encode("é<"));
    }

    private string Write(string from, int vocabulary)
    {
        ModelConfig config = new()
        {
            HiddenSize = 4,
            IntermediateSize = 4,
            Layers = 1,
            Heads = 1,
            KeyHeads = 1,
            HeadDim = 4,
            VocabularySize = vocabulary,
            BeginId = 1,
            EndIds = [2],
        };
        GgufMetadata metadata = new("llama");
        metadata.Add("general.architecture", "llama");
        GgufVocabularyWriter.Write(from, config, metadata);
        GgufWriter.Write(folder["v.gguf"], metadata.Values, []);
        return folder["v.gguf"];
    }
}
