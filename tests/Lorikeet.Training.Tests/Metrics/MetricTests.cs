namespace Lorikeet.Training.Tests.Metrics;

/// <summary>What can be worked out by hand; agreement with the originals is verified against their values.</summary>
public sealed class MetricTests
{
    [Fact]
    public void Equal_texts_score_best()
    {
        MetricInput same = MetricInput.Single(["the cat sat on the mat"], ["the cat sat on the mat"]);
        Assert.Equal(100, Bleu.Corpus(same).Score, 9);
        Assert.Equal(100, Chrf.Corpus(same), 9);
        Assert.Equal(0, Ter.Corpus(same).Score);
        Assert.Equal(1, Rouge.Sentence("a b", ["a b"], "rougeLsum").F);
        Assert.Equal(1, Squad.F1("the cat", ["Cat!"]));
    }

    [Fact]
    public void Bleu_is_its_formula()
    {
        BleuScore score = Bleu.Corpus(MetricInput.Single(["the the the cat"], ["the cat is here now"]), new BleuOptions { SmoothMethod = "none", MaxOrder = 2 });
        Assert.Equal([2.0, 1.0], score.Counts);
        Assert.Equal([4.0, 3.0], score.Totals);
        Assert.Equal(100 * Math.Exp(1 - (5 / 4.0)) * Math.Sqrt(2 / 4.0 * (1 / 3.0)), score.Score, 9);
    }

    [Fact]
    public void A_shift_is_one_edit() => Assert.Equal(1, Ter.Corpus(MetricInput.Single(["d e f a b c"], ["a b c d e f"])).Edits);

    [Fact]
    public void A_reference_may_be_any_of_several() =>
        Assert.Equal(0, Ter.Corpus(new MetricInput(["a b"], [["x y", "a b"]])).Score);

    [Theory]
    [InlineData("caresses", "caress")]
    [InlineData("ponies", "poni")]
    [InlineData("dies", "die")]
    [InlineData("relational", "relat")]
    [InlineData("hopping", "hop")]
    [InlineData("syzygy", "syzygi")]
    public void Words_have_stems(string word, string stem) => Assert.Equal(stem, PorterStemmer.Stem(word));

    [Fact]
    public void Kendall_counts_pairs()
    {
        CounterDraw draw = new();
        double[] x = [.. Enumerable.Range(0, 60).Select(_ => (double)draw.Next(8))], y = [.. Enumerable.Range(0, 60).Select(_ => (double)draw.Next(8))];
        double agree = 0, tiedX = 0, tiedY = 0, pairs = 60 * 59 / 2.0;
        for (int i = 0; i < 60; i++)
        {
            for (int j = 0; j < i; j++)
            {
                agree += Math.Sign(x[i] - x[j]) * Math.Sign(y[i] - y[j]);
                tiedX += x[i] == x[j] ? 1 : 0;
                tiedY += y[i] == y[j] ? 1 : 0;
            }
        }
        Assert.Equal(agree / Math.Sqrt((pairs - tiedX) * (pairs - tiedY)), Correlation.Kendall(x, y), 12);
    }

    [Fact]
    public void Auc_counts_pairs_and_half_of_ties() => Assert.Equal(2.5 / 4, RankCurves.RocAuc([true, false, true, false], [0.5, 0.5, 0.9, 0.7]), 12);

    [Fact]
    public void Bad_input_is_refused_by_name()
    {
        Assert.Contains("as many of both", Assert.Throws<ArgumentException>(() => Training.Metrics.Get("bleu").Score(new MetricInput(["a"], []))).Message, StringComparison.Ordinal);
        Assert.Contains("nothing to compare", Assert.Throws<ArgumentException>(() => Training.Metrics.Get("bleu").Score(new MetricInput([], []))).Message, StringComparison.Ordinal);
        Assert.Contains("no setting 'x'", Assert.Throws<ArgumentException>(() => Training.Metrics.Get("bleu").Score(MetricInput.Single(["a"], ["a"]), new Dictionary<string, string> { ["x"] = "1" })).Message, StringComparison.Ordinal);
        Assert.Contains("expected true or false", Assert.Throws<ArgumentException>(() => Training.Metrics.Get("bleu").Score(MetricInput.Single(["a"], ["a"]), new Dictionary<string, string> { ["lowercase"] = "maybe" })).Message, StringComparison.Ordinal);
        Assert.Contains("there is no metric", Assert.Throws<NotSupportedException>(() => Training.Metrics.Get("x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Odd_texts_are_scored_by_every_metric_of_texts()
    {
        string[] odd = ["", " ", "\uD800", "😀😀", "a\u0000b", "&quot;<skipped>-\n", new string('x', 3000), string.Concat(Enumerable.Repeat("a ", 300)), "مرحبا", "####  1"];
        MetricInput input = MetricInput.Single(odd, [.. odd.Reverse()]);
        foreach (Metric metric in Training.Metrics.All.Where(m => m.Name is not ("auc" or "correlation")))
        {
            MetricResult result = metric.Score(input);
            Assert.False(double.IsInfinity(result.Value), metric.Name);
        }
    }

    private sealed class CounterDraw
    {
        private uint state = 12345;

        public int Next(int below)
        {
            state = (state * 1664525) + 1013904223;
            return (int)((state >> 16) % (uint)below);
        }
    }
}
