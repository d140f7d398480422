using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify.Metrics;

/// <summary>Kinds of cases that compare labels, numbers and probabilities.</summary>
internal static class NumberCases
{
    public static void Classification(MetricCase c)
    {
        List<string> labels = [.. c.Item.GetProperty("labels").EnumerateArray().Select(l => l.GetRawText())];
        int[] truth = Labels("truth"), predicted = Labels("predicted");
        Training.Classification found = new(truth, predicted, labels.Count);
        c.Compare("accuracy", found.Accuracy);
        c.Compare("confusion", found.Confusion.SelectMany(r => r).Select(n => (double)n), c.Item.GetProperty("confusion").EnumerateArray().SelectMany(MetricCase.Numbers));
        c.Compare("mcc", found.Mcc);
        c.Compare("balanced_accuracy", found.BalancedAccuracy);
        c.Compare("cohen_kappa", found.Kappa);
        Scores("macro", found.Macro);
        Scores("micro", found.Micro);
        Scores("weighted", found.Weighted);
        JsonElement each = c.Item.GetProperty("per_class");
        c.Compare("per_class precision", found.PerClass.Select(s => s.Precision), MetricCase.Numbers(each.GetProperty("precision")));
        c.Compare("per_class recall", found.PerClass.Select(s => s.Recall), MetricCase.Numbers(each.GetProperty("recall")));
        c.Compare("per_class f1", found.PerClass.Select(s => s.F1), MetricCase.Numbers(each.GetProperty("f1")));
        c.Compare("per_class support", found.Support, MetricCase.Numbers(each.GetProperty("support")));
        if (c.Has("f1_binary"))
        {
            // The positive label is 1.
            int positive = labels.IndexOf("1");
            c.Compare("f1_binary", positive < 0 ? 0 : found.PerClass[positive].F1);
        }

        int[] Labels(string field) => [.. c.Item.GetProperty(field).EnumerateArray().Select(l => labels.IndexOf(l.GetRawText()))];

        void Scores(string field, ClassScore score)
        {
            JsonElement expected = c.Item.GetProperty(field);
            c.Compare($"{field} precision", score.Precision, expected.GetProperty("precision"));
            c.Compare($"{field} recall", score.Recall, expected.GetProperty("recall"));
            c.Compare($"{field} f1", score.F1, expected.GetProperty("f1"));
        }
    }

    public static void Correlation(MetricCase c)
    {
        double[] x = MetricCase.Numbers(c.Item.GetProperty("x")), y = MetricCase.Numbers(c.Item.GetProperty("y"));
        c.Compare("pearson", Training.Correlation.Pearson(x, y));
        c.Compare("spearman", Training.Correlation.Spearman(x, y));
        c.Compare("kendall_tau_b", Training.Correlation.Kendall(x, y));
        c.Compare("mse", Training.Correlation.MeanSquaredError(x, y));
        c.Compare("mae", Training.Correlation.MeanAbsoluteError(x, y));
        c.Compare("r2_of_y_for_x", Training.Correlation.R2(x, y));
    }

    public static void Auc(MetricCase c)
    {
        bool[] positive = [.. MetricCase.Numbers(c.Item.GetProperty("truth")).Select(t => t != 0)];
        double[] scores = MetricCase.Numbers(c.Item.GetProperty("scores"));
        c.Compare("roc_auc", RankCurves.RocAuc(positive, scores));
        c.Compare("average_precision", RankCurves.AveragePrecision(positive, scores));
    }

    public static void AucMulticlass(MetricCase c)
    {
        int[] truth = [.. c.Item.GetProperty("truth").EnumerateArray().Select(t => t.GetInt32())];
        double[][] probabilities = [.. c.Item.GetProperty("probabilities").EnumerateArray().Select(MetricCase.Numbers)];
        c.Compare("ovr_macro", RankCurves.OneVersusRest(truth, probabilities));
        c.Compare("ovr_weighted", RankCurves.OneVersusRest(truth, probabilities, weighted: true));
        c.Compare("ovo_macro", RankCurves.OneVersusOne(truth, probabilities));
        c.Compare("log_loss", RankCurves.LogLoss(truth, probabilities));
    }

    public static void Perplexity(MetricCase c)
    {
        if (c.Has("file"))
        {
            FromLogits(c);
            return;
        }
        Likelihood found = Likelihood.Of(c.Text("text"), MetricCase.Numbers(c.Item.GetProperty("token_logprobs")));
        c.Compare("total_nll", found.NegativeLogLikelihood);
        c.Compare("bytes", found.Bytes);
        c.Compare("characters", found.Characters);
        c.Compare("words", found.Words);
        c.Compare("perplexity_per_token", found.PerplexityPerToken);
        c.Compare("perplexity_per_word", found.PerplexityPerWord);
        c.Compare("perplexity_per_byte", found.PerplexityPerByte);
        c.Compare("bits_per_byte", found.BitsPerByte);
        c.Compare("bits_per_character", found.BitsPerCharacter);
    }

    public static void MultipleChoice(MetricCase c)
    {
        Training.MultipleChoice found = new(
            MetricCase.Texts(c.Item.GetProperty("choices")), [.. c.Item.GetProperty("token_logprobs").EnumerateArray().Select(MetricCase.Numbers)]);
        c.Compare("sum", found.Sums, MetricCase.Numbers(c.Item.GetProperty("sum")));
        c.Compare("per_byte", found.PerByte, MetricCase.Numbers(c.Item.GetProperty("per_byte")));
        c.Compare("per_token", found.PerToken, MetricCase.Numbers(c.Item.GetProperty("per_token")));
        c.Compare("best_by_sum", Training.MultipleChoice.Best(found.Sums));
        c.Compare("best_by_bytes", Training.MultipleChoice.Best(found.PerByte));
        c.Compare("best_by_tokens", Training.MultipleChoice.Best(found.PerToken));
    }

    private static void FromLogits(MetricCase c)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(c.Folder, c.Text("file")));
        StoredTensor logits = file.Tensors.First(t => t.Name == "logits"), labels = file.Tensors.First(t => t.Name == "labels");
        float[] values = TensorFiles.Floats(file, logits);
        long[] ids = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(file.Bytes(labels)).ToArray();
        int sequences = (int)labels.Shape[0], length = (int)labels.Shape[1], vocabulary = (int)logits.Shape[2];
        long ignored = c.Item.GetProperty("ignore_index").GetInt64();
        (double NegativeLogLikelihood, int Tokens)[] each =
            [.. Enumerable.Range(0, sequences).Select(s => Likelihood.Sequence(values.AsSpan(s * length * vocabulary, length * vocabulary), ids.AsSpan(s * length, length), vocabulary, ignored))];
        double sum = each.Sum(e => e.NegativeLogLikelihood);
        int tokens = each.Sum(e => e.Tokens);
        c.Compare("tokens", tokens);
        c.Compare("total_nll", sum);
        c.Compare("mean_nll", sum / tokens);
        c.Compare("perplexity", Math.Exp(sum / tokens));
        c.Compare("nll_per_sequence", each.Select(e => e.NegativeLogLikelihood), MetricCase.Numbers(c.Item.GetProperty("nll_per_sequence")));
        c.Compare("mean_of_sequence_means", each.Average(e => e.NegativeLogLikelihood / e.Tokens));
    }
}
