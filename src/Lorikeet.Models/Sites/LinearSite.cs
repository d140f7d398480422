using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>A linear layer: y = W x + bias. It is entered through its <see cref="Projection"/> only.</summary>
public sealed class LinearSite : Site
{
    /// <summary>A linear layer.</summary>
    /// <param name="name">The module's path.</param>
    /// <param name="layer">Its block, or -1.</param>
    /// <param name="weight">[outputs, inputs].</param>
    /// <param name="bias">[outputs], or null.</param>
    /// <param name="isHead">True for the output head, which "all-linear" leaves out.</param>
    public LinearSite(string name, int layer, Weight weight, Parameter? bias = null, bool isHead = false)
        : base(name, layer)
    {
        Weight = weight;
        Bias = bias;
        IsHead = isHead;
    }

    /// <summary>The matrix; merging and quantising exchange it.</summary>
    public Weight Weight { get; set; }

    /// <summary>The bias, or null.</summary>
    public Parameter? Bias { get; set; }

    /// <summary>True for the output head.</summary>
    public bool IsHead { get; }

    /// <summary>True where the file stores the matrix as [inputs, outputs]: GPT-2's Conv1D.</summary>
    public bool Transposed { get; init; }

    /// <summary>True where the matrix is another site's (a head tied to the embedding): it is stored under that name only.</summary>
    public bool Tied { get; set; }

    /// <inheritdoc/>
    public override int Inputs => Weight.Inputs;

    /// <inheritdoc/>
    public override int Outputs => Weight.Outputs;

    /// <inheritdoc/>
    public override Tensor Base(ModelRun run, in Tensor x, ReadOnlySpan<int> ids) =>
        Linear.Forward(run, Weight.Prepare(run, x), Weight, UseBias(run));

    /// <inheritdoc/>
    public override IEnumerable<ModelTensor> Tensors
    {
        get
        {
            if (!Tied)
            {
                yield return new ModelTensor(StoredName + ".weight", Weight, null, Transposed);
            }
            if (Bias is not null)
            {
                yield return new ModelTensor(StoredName + ".bias", null, Bias);
            }
        }
    }

    /// <summary>The bias as an input of recorded ops; default where there is none.</summary>
    /// <param name="run">The run.</param>
    public Tensor UseBias(ModelRun run) => Bias is null ? default : run.Use(Bias);
}
