using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>How large a share of each block's weights are outliers: weights whose product with what they read is far above the block's mean.</summary>
/// <remarks>
/// a[i, j] = |W[i, j]| sqrt(mean over samples of |X[:, j]|^2), for all linear layers of a block together; share = 100 #{ a &gt; M mean(a) } / #a, in percent.
/// A sample is a sequence. Source: Yin et al., OWL, arXiv 2310.05175 (check_outlier_mean); the statistic is Wanda's, Sun et al., arXiv 2306.11695.
/// </remarks>
public static class OutlierShares
{
    /// <summary>The shares of a model's blocks, measured on text; nothing is changed.</summary>
    /// <param name="model">The model.</param>
    /// <param name="batches">Calibration text.</param>
    /// <param name="threshold">M.</param>
    /// <returns>One share a block, in percent.</returns>
    public static IReadOnlyList<double> Measure(LanguageModel model, IEnumerable<Batch> batches, double threshold)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(batches);
        ChannelTap tap = new();
        using (ModelRun run = new() { Tap = tap, FullActivations = true })
        {
            foreach (Batch batch in batches)
            {
                run.Arena.Reset();
                run.Rows = new Rows(batch.Lengths);
                _ = model.Forward(run, Input.Of(batch.Tokens));
                tap.Samples += batch.Lengths.Length;
            }
        }
        double[] shares = new double[model.Blocks.Count];
        for (int layer = 0; layer < shares.Length; layer++)
        {
            shares[layer] = Share([.. tap.Squares.Where(s => s.Key.Layer == layer).Select(s => (s.Key.Weight, s.Value))], tap.Samples, threshold);
        }
        return shares;
    }

    /// <summary>The share of one block, in percent.</summary>
    /// <param name="weights">Its linear layers, each with the sum over all samples of its input channels' squares.</param>
    /// <param name="samples">How many samples the sums are over.</param>
    /// <param name="threshold">M.</param>
    public static double Share(IReadOnlyList<(Weight Weight, double[] Squares)> weights, int samples, double threshold)
    {
        ArgumentNullException.ThrowIfNull(weights);
        double sum = 0;
        long count = 0, outliers = 0;
        Each(a =>
        {
            sum += a.Sum();
            count += a.Length;
        });
        double limit = count > 0 ? threshold * sum / count : 0;
        Each(a => outliers += a.Count(value => value > limit));
        return count > 0 ? 100.0 * outliers / count : 0;

        void Each(Action<double[]> row)
        {
            foreach ((Weight weight, double[] squares) in weights)
            {
                double[] scores = new double[weight.Inputs];
                for (int i = 0; i < weight.Outputs; i++)
                {
                    Scores(weight, i, squares, samples, scores);
                    row(scores);
                }
            }
        }
    }

    /// <summary>The scores a of one row of a weight.</summary>
    /// <param name="weight">[outputs, inputs].</param>
    /// <param name="row">The row.</param>
    /// <param name="squares">[inputs], the sum over all samples of the channels' squares.</param>
    /// <param name="samples">How many samples the sums are over.</param>
    /// <param name="to">Receives [inputs].</param>
    public static void Scores(Weight weight, int row, ReadOnlySpan<double> squares, int samples, Span<double> to)
    {
        ArgumentNullException.ThrowIfNull(weight);
        float[] values = new float[weight.Inputs];
        weight.Read(row, values);
        for (int j = 0; j < values.Length; j++)
        {
            to[j] = Math.Abs(values[j]) * Math.Sqrt(squares[j] / Math.Max(1, samples));
        }
    }

    /// <summary>Adds the squares of each channel of rows of inputs.</summary>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="squares">[inputs], added to.</param>
    public static void AddSquares(in Tensor x, Span<double> squares)
    {
        for (int row = 0; row < x.Rows; row++)
        {
            ReadOnlySpan<float> values = x.Row(row);
            for (int j = 0; j < values.Length; j++)
            {
                squares[j] += (double)values[j] * values[j];
            }
        }
    }

    /// <summary>Chances of being drawn from shares: share over the sum of shares, but none below a part of the even chance.</summary>
    /// <param name="shares">Shares of outliers.</param>
    /// <param name="floor">The least chance, as a part of 1 / layers; above 0, so that each layer is trained some time. Where there is no outlier at all, chances are even.</param>
    public static IReadOnlyList<double> Chances(IReadOnlyList<double> shares, double floor)
    {
        ArgumentNullException.ThrowIfNull(shares);
        double sum = shares.Sum();
        double[] chances = [.. shares.Select(s => Math.Max(sum > 0 ? s / sum : 1.0 / shares.Count, floor / shares.Count))];
        double all = chances.Sum();
        return [.. chances.Select(c => c / all)];
    }

    /// <summary>Sums the squares of what the blocks' linear layers read.</summary>
    private sealed class ChannelTap : ITap
    {
        public Dictionary<LinearSite, double[]> Squares { get; } = [];

        public int Samples { get; set; }

        public void Input(Site site, in Tensor x)
        {
            if (site is LinearSite { Layer: >= 0 } linear)
            {
                if (!Squares.TryGetValue(linear, out double[]? squares))
                {
                    Squares[linear] = squares = new double[linear.Inputs];
                }
                AddSquares(x, squares);
            }
        }

        public void Output(Site site, in Tensor y)
        {
        }
    }
}
