using System.Text.Json;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify.Metrics;

/// <summary>Kinds of cases that compare texts.</summary>
internal static class TextCases
{
    public static void BleuCorpus(MetricCase c)
    {
        MetricInput input = c.Streams();
        BleuOptions options = Options(c);
        BleuScore score = Training.Bleu.Corpus(input, options);
        c.Compare("score", score.Score);
        c.Compare("precisions", score.Precisions, MetricCase.Numbers(c.Item.GetProperty("precisions")));
        c.Compare("counts", score.Counts, MetricCase.Numbers(c.Item.GetProperty("counts")));
        c.Compare("totals", score.Totals, MetricCase.Numbers(c.Item.GetProperty("totals")));
        c.Compare("bp", score.BrevityPenalty);
        c.Compare("sys_len", score.CandidateLength);
        c.Compare("ref_len", score.ReferenceLength);
        c.Signature(score.Signature);
        if (c.Has("tokenized_hypotheses"))
        {
            string[] tokenized = MetricCase.Texts(c.Item.GetProperty("tokenized_hypotheses"));
            for (int i = 0; i < tokenized.Length; i++)
            {
                c.Equal($"tokenized_hypotheses {i}", BleuTokenizer.Tokenize(input.Candidates[i].TrimEnd(), options.Tokenize), tokenized[i]);
            }
        }
    }

    public static void BleuSentence(MetricCase c) => c.Compare("score", Training.Bleu.Corpus(c.Sentence(), Options(c)).Score);

    public static void ChrfCorpus(MetricCase c)
    {
        MetricInput input = c.Streams();
        c.Compare("score", Chrf.Corpus(input, Character(c)));
        c.Signature(Chrf.Signature(input, Character(c)));
    }

    public static void ChrfSentence(MetricCase c) => c.Compare("score", Chrf.Corpus(c.Sentence(), Character(c)));

    public static void Ter(MetricCase c)
    {
        TerScore score = Training.Ter.Corpus(c.Streams(), new TerOptions
        {
            Normalized = c.Flag("normalized"),
            NoPunctuation = c.Flag("no_punct"),
            AsianSupport = c.Flag("asian_support"),
            CaseSensitive = c.Flag("case_sensitive"),
        });
        c.Compare("score", score.Score);
        c.Compare("num_edits", score.Edits);
        c.Compare("ref_length", score.ReferenceLength);
    }

    public static void Rouge(MetricCase c)
    {
        string[] targets = MetricCase.Texts(c.Item.GetProperty("targets"));
        foreach (JsonProperty kind in c.Item.GetProperty("scores").EnumerateObject())
        {
            RougeScore score = Training.Rouge.Sentence(c.Text("prediction"), targets, kind.Name, c.Item.GetProperty("use_stemmer").GetBoolean());
            c.Compare(kind.Name, [score.Precision, score.Recall, score.F], MetricCase.Numbers(kind.Value));
        }
    }

    public static void Stem(MetricCase c) => c.Equal($"stem of {c.Item[0].GetString()}", PorterStemmer.Stem(c.Item[0].GetString()!), c.Item[1].GetString());

    public static void MtEval(MetricCase c)
    {
        MetricInput input = c.Lists();
        bool sensitive = c.Item.GetProperty("case_sensitive").GetBoolean();
        c.Compare("bleu", Training.MtEval.BleuOf(input, sensitive));
        c.Compare("nist", Training.MtEval.NistOf(input, sensitive));
        if (c.Has("tokenized_hypotheses"))
        {
            int i = 0;
            foreach (JsonElement tokens in c.Item.GetProperty("tokenized_hypotheses").EnumerateArray())
            {
                c.Equal($"tokenized_hypotheses {i}", string.Join('\n', Training.MtEval.Tokens(input.Candidates[i])), string.Join('\n', MetricCase.Texts(tokens)));
                i++;
            }
        }
    }

    public static void Coco(MetricCase c)
    {
        MetricInput input = c.Lists();
        IReadOnlyList<double> cider = Cider.Each(input), rouge = CocoRouge.Each(input);
        c.Compare("cider", cider.Average());
        c.Compare("cider_each", cider, MetricCase.Numbers(c.Item.GetProperty("cider_each")));
        c.Compare("rouge_l", rouge.Average());
        c.Compare("rouge_l_each", rouge, MetricCase.Numbers(c.Item.GetProperty("rouge_l_each")));
    }

    public static void Nist(MetricCase c)
    {
        string[][] candidates = [.. c.Item.GetProperty("hypotheses").EnumerateArray().Select(MetricCase.Texts)];
        string[][][] references = [.. c.Item.GetProperty("references").EnumerateArray().Select(r => r.EnumerateArray().Select(MetricCase.Texts).ToArray())];
        c.Compare("nist", Training.Nist.Corpus(candidates, references, c.Item.GetProperty("n").GetInt32()));
    }

    public static void Squad(MetricCase c)
    {
        string[] answers = MetricCase.Texts(c.Item.GetProperty("answers"));
        c.Equal("normalized", Training.Squad.Normalize(c.Text("prediction")), c.Text("normalized"));
        c.Compare("exact", Training.Squad.Exact(c.Text("prediction"), answers));
        c.Compare("f1", Training.Squad.F1(c.Text("prediction"), answers));
    }

    public static void Gsm(MetricCase c) => c.Equal("answer", GsmAnswer.Find(c.Text("text")), c.Item.GetProperty("answer").GetString());

    private static BleuOptions Options(MetricCase c) => new()
    {
        Tokenize = c.Option("tokenize")?.GetString() ?? "13a",
        SmoothMethod = c.Option("smooth_method")?.GetString() ?? "exp",
        SmoothValue = c.Option("smooth_value")?.GetDouble(),
        Lowercase = c.Flag("lowercase"),
        EffectiveOrder = c.Flag("effective_order"),
        MaxOrder = c.Number("max_ngram_order", 4),
    };

    private static ChrfOptions Character(MetricCase c) => new()
    {
        CharOrder = c.Number("char_order", 6),
        WordOrder = c.Number("word_order", 0),
        Beta = c.Number("beta", 2),
        Lowercase = c.Flag("lowercase"),
        Whitespace = c.Flag("whitespace"),
        EpsilonSmoothing = c.Flag("eps_smoothing"),
    };
}
