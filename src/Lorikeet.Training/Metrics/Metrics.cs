namespace Lorikeet.Training;

/// <summary>All metrics that compare line by line: one line each.</summary>
public static class Metrics
{
    /// <summary>The metrics in the order of their names.</summary>
    public static IReadOnlyList<Metric> All { get; } =
    [
        new("accuracy", "Share of labels that are right, with precision, recall and F1 by class and averaged, MCC and kappa.", "scikit-learn", [], Classification.Score),
        new("auc", "Area under the ROC curve of scores (candidates) for labels 0 and 1 (references), and average precision.", "scikit-learn", [], RankCurves.Score),
        new("bleu", "N-gram precision with a brevity penalty, 0 to 100.", "sacrebleu", ["tokenize=13a", "smooth_method=exp", "smooth_value=", "lowercase=false", "effective_order=false", "max_ngram_order=4"], Bleu.Score),
        new("chrf", "F-score of character n-grams, 0 to 100; word_order=2 is chrF++.", "sacrebleu", ["char_order=6", "word_order=0", "beta=2", "lowercase=false", "whitespace=false", "eps_smoothing=false"], Chrf.Score),
        new("cider", "Consensus of tf-idf weighted n-grams with all references; texts are tokenised already.", "pycocoevalcap", [], Cider.Score),
        new("coco-rouge", "ROUGE-L with beta 1.2; texts are tokenised already.", "pycocoevalcap", [], CocoRouge.Score),
        new("correlation", "Pearson, Spearman and Kendall correlation of numbers, mean squared and absolute error, r2.", "scipy, scikit-learn", [], Correlation.Score),
        new("e2e", "BLEU (0 to 1) and NIST as the E2E challenge's scripts measure them.", "e2e-metrics, pymteval.py", ["case_sensitive=false"], MtEval.Score),
        new("exact", "Share of candidates equal to a reference, and F1 of their words, after SQuAD's normalisation.", "SQuAD v1.1", [], Squad.Score),
        new("gsm8k", "Share of candidates whose number after #### is the reference's.", "GSM8K", [], GsmAnswer.Score),
        new("nist", "Information-weighted n-gram precision; words are split at white space.", "nltk", ["n=5"], Nist.Score),
        new("rouge", "ROUGE-1, -2, -L and -Lsum: recall, precision and F of n-grams and common subsequences.", "rouge_score", ["use_stemmer=false"], Rouge.Score),
        new("ter", "Edits and shifts to a reference, in percent of its words; lower is better.", "sacrebleu", ["normalized=false", "no_punct=false", "asian_support=false", "case_sensitive=false"], Ter.Score),
    ];

    /// <summary>A metric by its name.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="NotSupportedException">There is none of that name; the message lists them.</exception>
    public static Metric Get(string name) =>
        All.FirstOrDefault(m => m.Name == name) ?? throw new NotSupportedException($"there is no metric '{name}'; there are {string.Join(", ", All.Select(m => m.Name))}");
}
