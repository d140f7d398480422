using Lorikeet.Models.Text;
using Lorikeet.Testing;

namespace Lorikeet.Training.Tests.Data;

public class DocumentEncoderTests
{
    [Theory]
    [InlineData("question?\n", "answer")]
    [InlineData("a ", " b")]
    [InlineData("", "all")]
    public void What_is_learnt_begins_where_the_prompt_ends(string prompt, string completion)
    {
        TextPart[] parts = [new(prompt, false), new(completion, true)];
        DocumentEncoder encoder = new(new ByteTokenizer());
        encoder.Encode(new DataRecord(parts, false), parts);
        Assert.Equal(prompt.Length, encoder.Learn.Count(l => !l));
        Assert.Equal(completion.Length + 1, encoder.Learn.Count(l => l));
    }

    /// <summary>A tokenizer that puts a blank before a text puts none before its middle, and special tokens come once.</summary>
    [SharedFact("parity/tokenizers")]
    public void The_middle_of_a_text_is_no_beginning()
    {
        foreach (string folder in Directory.EnumerateDirectories(SharedFiles.Path("parity/tokenizers")!).Where(f => File.Exists(Path.Combine(f, "tokenizer.json"))))
        {
            Tokenizer tokenizer;
            try
            {
                tokenizer = Tokenizer.Load(folder);
            }
            catch (Exception e) when (e is NotSupportedException or Models.Files.BadFileException)
            {
                continue;
            }
            foreach ((string prompt, string completion) in ((string, string)[])[("The capital of France is", " Paris."), ("Q: 1+1?\nA:", " 2"), ("x\n", "\ny")])
            {
                TextPart[] parts = [new(prompt, false), new(completion, true)];
                DocumentEncoder encoder = new(tokenizer);
                encoder.Encode(new DataRecord(parts, false) { Complete = true }, parts);
                int[] alone = tokenizer.Encode(prompt, addSpecialTokens: false), whole = tokenizer.Encode(prompt + completion, addSpecialTokens: false);
                // What is read is always what the prompt is when it is asked.
                Assert.Equal(alone, encoder.Ids.Take(encoder.Learn.Count(l => !l)));
                if (whole.AsSpan().StartsWith(alone))
                {
                    Assert.Equal(whole, encoder.Ids);
                }
            }
        }
    }
}
