using System.Diagnostics;
using System.Text;
using Lorikeet.Models.Files;
using Lorikeet.Models.Tests.Files;
using Lorikeet.Models.Text;
using Xunit.Abstractions;

namespace Lorikeet.Models.Tests.Text;

public sealed class HostileTokenizerTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("{}", "has no model")]
    [InlineData("""{"model":{"type":"Trigram","vocab":[]}}""", "'Trigram', which is not supported")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a"]]}}""", "expected a token and its score")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",-1]],"unk_id":7}}""", "one of the 1 tokens")]
    [InlineData("""{"model":{"type":"WordPiece","vocab":{"a":0},"max_input_chars_per_word":-1}}""", "expected a whole number from 0")]
    [InlineData("""{"model":{"vocab":{"a":0},"merges":["a b"]}}""", "must be in vocab")]
    [InlineData("""{"model":{"vocab":{"a":0},"merges":["a"]}}""", "expected two tokens")]
    [InlineData("""{"model":{"vocab":{"a":0,"b":0},"merges":[]}}""", "gives the id 0 to")]
    [InlineData("""{"model":{"vocab":{"a":16000000},"merges":[]}}""", "gaps")]
    [InlineData("""{"model":{"vocab":{"a":-1},"merges":[]}}""", "expected a whole number")]
    [InlineData("""{"model":{"vocab":{"a":0},"merges":[],"dropout":0.1}}""", "random")]
    [InlineData("""{"model":{"vocab":{"a":0},"merges":[]},"added_tokens":[{"id":99999999999,"content":"x"}]}""", "expected a token id")]
    [InlineData("""{"model":{"vocab":{"a":0},"merges":[]},"normalizer":{"type":"Other"}}""", "'Other', which is not supported")]
    public void Bad_files_are_refused_in_one_line(string json, string expected)
    {
        File.WriteAllText(folder["tokenizer.json"], json);
        Exception e = Assert.ThrowsAny<Exception>(() => Tokenizer.Load(folder.Path));
        Assert.True(e is BadFileException or NotSupportedException, e.ToString());
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.StartsWith(folder["tokenizer.json"], e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_absent_file_is_named_with_what_is_there()
    {
        Assert.Contains("expected a model folder", Assert.Throws<BadFileException>(() => Tokenizer.Load(folder.Path)).Message, StringComparison.Ordinal);
        File.WriteAllText(folder["tokenizer.model"], "");
        Assert.Contains("has tokenizer.model but no", Assert.Throws<BadFileException>(() => Tokenizer.Load(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0xA0761D6478BD642F, "")]
    [InlineData(0xE7037ED1A0B428DB, """
        {"version":"1.0","truncation":{"direction":"Right","max_length":20,"strategy":"LongestFirst","stride":0},"padding":null,"added_tokens":[
        {"id":8,"content":"<s>","single_word":false,"lstrip":true,"rstrip":false,"normalized":true,"special":true}],
        "normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Replace","pattern":{"Regex":"\\s{2,}"},"content":" "},{"type":"Prepend","prepend":"▁"},
        {"type":"Replace","pattern":{"String":" "},"content":"▁"},{"type":"Precompiled","precompiled_charsmap":"CAAAAGEEAABh/wAAYgBjAA=="}]},
        "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"(?<=[a-z])(?=[A-Z])|\\p{N}{1,3}?|[^\\s&&[^x]]+"},"behavior":"MergedWithNext","invert":false},
        {"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true}]},
        "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
        "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"<s>":{"id":"<s>","ids":[8],"tokens":["<s>"]}}},
        "decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
        "model":{"type":"Unigram","unk_id":0,"byte_fallback":true,"vocab":[["<unk>",0],["▁",-2],["a",-3],["c",-3.5],["at",-4],["▁a",-2.5],["<0xC3>",-9],["<0xA9>",-9]]}}
        """)]
    [InlineData(0x8EBC6AF09C88C6E3, """
        {"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},
        "post_processor":{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]},"decoder":{"type":"WordPiece","prefix":"##","cleanup":true},
        "padding":{"strategy":{"Fixed":16},"direction":"Left","pad_to_multiple_of":8,"pad_id":0,"pad_type_id":0,"pad_token":"[PAD]"},
        "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"a":4,"c":5,"##at":6,"r":7}}}
        """)]
    [InlineData(0x589965CC75374CC3, """
        {"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"UnicodeScripts"},{"type":"FixedLength","length":3}]},
        "decoder":{"type":"CTC","pad_token":"<p>","word_delimiter_token":"|","cleanup":true},
        "model":{"type":"BPE","unk_token":"u","end_of_word_suffix":"</w>","continuing_subword_prefix":"","fuse_unk":true,"byte_fallback":true,
        "vocab":{"u":0,"a":1,"c":2,"t</w>":3,"at</w>":4,"a</w>":5,"<0xC3>":6},"merges":["a t</w>"]}}
        """)]
    public void Mutated_tokenizers_are_read_or_refused(ulong seed, string tokenizerJson)
    {
        output.WriteLine($"seed {seed:X}");
        if (tokenizerJson.Length == 0)
        {
            BpeTrainer.Train(["a cat, a rat"], new BpeTrainerOptions { VocabularySize = 20, AllBytes = false, MinimumFrequency = 1, BosToken = "<|endoftext|>" }).Save(folder.Path);
            tokenizerJson = File.ReadAllText(folder["tokenizer.json"]);
        }
        byte[] good = Encoding.UTF8.GetBytes(tokenizerJson);
        Use(Tokenizer.Parse(good, "the good one"));
        int refused = 0;
        const int Runs = 4000;
        for (int run = 0; run < Runs; run++)
        {
            byte[] bad = [.. good];
            for (ulong i = 0; i <= (ulong)run % 4; i++)
            {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                // Words of the format in wrong places get further than noise.
                int at = (int)(seed % (ulong)bad.Length);
                int from = (int)((seed >> 20) % (ulong)good.Length);
                int count = Math.Min((int)((seed >> 40) % 12), Math.Min(bad.Length - at, good.Length - from));
                good.AsSpan(from, count).CopyTo(bad.AsSpan(at));
            }
            try
            {
                Use(Tokenizer.Parse(bad, "the bad one"));
            }
            catch (Exception e) when (e is BadFileException or NotSupportedException)
            {
                Assert.DoesNotContain('\n', e.Message);
                refused++;
            }
        }
        Assert.InRange(refused, 100, Runs - 100);

        static void Use(Tokenizer tokenizer)
        {
            tokenizer.Decode(tokenizer.Encode("a cat <|endoftext|> é😀 <s>12 aCat"));
            tokenizer.EncodeFull("a rat", "cat");
        }
    }

    [Theory]
    [InlineData("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[#]},", "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aaaaaaaaaaaaaaaa\"}", "times as long")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[#]},", "{\"type\":\"ByteLevel\",\"add_prefix_space\":true}", "times as long")]
    public void Rules_that_blow_a_text_up_are_stopped(string part, string repeated, string expected)
    {
        string rules = string.Join(',', Enumerable.Repeat(repeated, 40));
        string json = $$"""{ {{part.Replace("#", rules, StringComparison.Ordinal)}} "model":{"type":"Unigram","vocab":[["x",0]],"unk_id":0} }""";
        Tokenizer tokenizer = Tokenizer.Parse(Encoding.UTF8.GetBytes(json), "x");
        Assert.Contains(expected, Assert.Throws<BadFileException>(() => tokenizer.Encode(new string('a', 1000) + "ñ")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_template_of_a_million_steps_is_refused()
    {
        string steps = string.Join(',', Enumerable.Repeat("{\"Sequence\":{\"id\":\"A\"}}", 1_000_000));
        string json = $$"""{"post_processor":{"type":"TemplateProcessing","single":[{{steps}}],"pair":[]},"model":{"type":"WordLevel","vocab":{} } }""";
        Assert.Contains("at most 256", Assert.Throws<BadFileException>(() => Tokenizer.Parse(Encoding.UTF8.GetBytes(json), "x")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b","a b","a b"]}}""", "ab")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"aa":1,"aaaa":2},"merges":["a a","aa aa"]}}""", "aaaa")]
    public void Repeated_merges_do_no_harm(string json, string text) => Assert.Single(Tokenizer.Parse(Encoding.UTF8.GetBytes(json), "x").Encode(text));

    [Fact]
    public void A_line_of_five_megabytes_takes_seconds()
    {
        BpeTokenizer tokenizer = BpeTrainer.Train(
            [string.Concat(Enumerable.Repeat("aaaaaaaaaaaaaaaa abab", 20))], new BpeTrainerOptions { VocabularySize = 280 });
        Stopwatch watch = Stopwatch.StartNew();
        Assert.True(tokenizer.Encode(new string('a', 5_000_000)).Length < 2_500_000);
        StringBuilder spaced = new();
        for (int i = 0; i < 500_000; i++)
        {
            spaced.Append(i).Append(" <|x");
        }
        string text = spaced.ToString();
        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
        output.WriteLine($"{watch.Elapsed.TotalSeconds:F1} s");
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"took {watch.Elapsed}");
    }

    [Fact]
    public void Half_a_surrogate_pair_is_a_replacement_character()
    {
        BpeTokenizer tokenizer = BpeTrainer.Train(["a"], new BpeTrainerOptions());
        Assert.Equal("a\uFFFDb😀\uFFFD", tokenizer.Decode(tokenizer.Encode("a\uD800b😀\uDE00")));
        Assert.Equal(new ByteTokenizer().Encode("a\uD800b").Length, tokenizer.Encode("a\uD800b").Length);
    }

    [Fact]
    public void Many_threads_share_one_tokenizer()
    {
        BpeTokenizer tokenizer = BpeTrainer.Train(["the cat sat on the mat"], new BpeTrainerOptions { MinimumFrequency = 1 });
        string[] texts = [.. Enumerable.Range(0, 2000).Select(i => $"the cat {i} sat {i * 7919} mat")];
        int[][] expected = [.. texts.Select(t => BpeTrainer.Train(["the cat sat on the mat"], new BpeTrainerOptions { MinimumFrequency = 1 }).Encode(t)).Take(20)];
        int[][] found = new int[texts.Length][];
        Parallel.For(0, texts.Length, i => found[i] = tokenizer.Encode(texts[i]));
        Assert.Equal(expected, found.Take(20));
        Assert.Equal(texts, found.Select(ids => tokenizer.Decode(ids)));
    }
}
