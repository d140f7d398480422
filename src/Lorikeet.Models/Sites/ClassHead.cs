using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>A linear head of an adapter's own that tells classes of sequences: logits = W h, h the last hidden state of a sequence after the final norm.</summary>
/// <remarks>The form of Transformers' <c>AutoModelForSequenceClassification</c> for decoders: a layer <c>score</c> without a bias. Rows of a batch may have heads of different sizes.</remarks>
public sealed class ClassHead : IDisposable
{
    private readonly TrainableWeight matrix;

    /// <summary>Makes a head.</summary>
    /// <param name="weight">[labels, hidden]; the head owns it.</param>
    /// <param name="labels">The classes' names, as many as the weight has rows.</param>
    public ClassHead(Parameter weight, IReadOnlyList<string> labels)
    {
        ArgumentNullException.ThrowIfNull(weight);
        ArgumentNullException.ThrowIfNull(labels);
        matrix = new TrainableWeight(weight);
        if (labels.Count != matrix.Outputs)
        {
            throw new ArgumentException($"a head of {matrix.Outputs} classes has {labels.Count} names; expected as many of both", nameof(labels));
        }
        Labels = labels;
    }

    /// <summary>The matrix, [labels, hidden].</summary>
    public Parameter Weight => matrix.Parameter;

    /// <summary>The classes' names in the order of the matrix's rows.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>The classes' logits.</summary>
    /// <param name="run">The run.</param>
    /// <param name="model">The model that made the hidden states.</param>
    /// <param name="hidden">[rows, hidden], the last rows of sequences.</param>
    /// <returns>[rows, labels].</returns>
    public Tensor Forward(ModelRun run, LanguageModel model, in Tensor hidden)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(model);
        return Linear.Forward(run, matrix.Prepare(run, model.ToHead(run, hidden)), matrix, default);
    }

    /// <inheritdoc/>
    public void Dispose() => matrix.Dispose();
}
