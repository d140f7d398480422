using Lorikeet.Models;

namespace Lorikeet.Training;

/// <summary>How well a model, perhaps with an adapter, foretells text.</summary>
/// <param name="Loss">Mean negative log-likelihood of a target, in nats.</param>
/// <param name="Targets">Number of targets.</param>
/// <param name="Bytes">Bytes of text that the targets stand for; 0: not known.</param>
public readonly record struct Evaluation(double Loss, long Targets, long Bytes)
{
    /// <summary>e^loss.</summary>
    public double Perplexity => Math.Exp(Loss);

    /// <summary>Bits needed for a byte of text: comparable between tokenizers.</summary>
    public double BitsPerByte => Bytes > 0 ? Loss * Targets / (Bytes * Math.Log(2)) : double.NaN;
}

/// <summary>Measures losses without training.</summary>
public static class Evaluator
{
    /// <summary>The mean loss over batches.</summary>
    /// <param name="model">The model.</param>
    /// <param name="adapter">The adapter, or null.</param>
    /// <param name="batches">The data.</param>
    /// <param name="codedActivations">Code activations at quantised weights to 8 bits, as serving does; false: float32, as training does.</param>
    public static Evaluation Run(LanguageModel model, Adapter? adapter, IEnumerable<Batch> batches, bool codedActivations = false)
    {
        using LossPass pass = new(model, [adapter], checkpointing: false) { CodedActivations = codedActivations };
        return Run(pass, 0, batches);
    }

    /// <summary>The mean loss over batches; of several ranks each measures some, and all get the same result, bit for bit that of one.</summary>
    internal static Evaluation Run(LossPass pass, int owner, IEnumerable<Batch> batches, IRanks? ranks = null)
    {
        List<double> sums = [];
        long targets = 0, bytes = 0;
        foreach (Batch batch in batches)
        {
            if (ranks is null || sums.Count % ranks.Count == ranks.Rank)
            {
                pass.Begin();
                pass.Add(batch, owner, 1f);
                pass.Forward();
                sums.Add(pass.LossSum(owner));
            }
            else
            {
                sums.Add(0);
            }
            targets += batch.TargetCount;
            bytes += batch.Bytes;
        }
        ranks?.Sum(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(sums));
        double sum = 0;
        foreach (double own in sums)
        {
            sum += own;
        }
        return new Evaluation(targets > 0 ? sum / targets : double.NaN, targets, bytes);
    }
}
