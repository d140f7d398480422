using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>A named place in a model where an adapter may act. Model code offers sites; it never mentions a method.</summary>
public abstract class Site
{
    private protected Site(string name, int layer)
    {
        Name = StoredName = name;
        Layer = layer;
    }

    /// <summary>The module's path as Hugging Face names it, for example <c>model.layers.3.self_attn.q_proj</c>.</summary>
    public string Name { get; }

    /// <summary>The path under which its tensors are stored: <see cref="Name"/>, or without the base model's prefix where the file lacks it.</summary>
    public string StoredName { get; init; }

    /// <summary>The block it belongs to, from 0; -1 outside the blocks.</summary>
    public int Layer { get; }

    /// <summary>Its place in <see cref="LanguageModel.Sites"/>.</summary>
    public int Index { get; internal set; } = -1;

    /// <summary>Width of what the site reads; 0 for an embedding, which reads token ids.</summary>
    public abstract int Inputs { get; }

    /// <summary>Width of what the site gives.</summary>
    public abstract int Outputs { get; }

    /// <summary>What the site computes without an adapter.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, inputs]; default at an embedding.</param>
    /// <param name="ids">The token ids at an embedding, else empty.</param>
    /// <returns>[rows, outputs].</returns>
    public abstract Tensor Base(ModelRun run, in Tensor x, ReadOnlySpan<int> ids);

    /// <summary>The tensors stored under this module: name in the file and what holds it.</summary>
    public abstract IEnumerable<ModelTensor> Tensors { get; }

    /// <summary>Runs the site for all rows, each with its own adapter.</summary>
    /// <param name="run">The run; its plan says which rows have which adapter.</param>
    /// <param name="x">[rows, inputs]; default at an embedding.</param>
    /// <param name="ids">The token ids at an embedding, else empty.</param>
    public Tensor Forward(ModelRun run, in Tensor x, ReadOnlySpan<int> ids = default)
    {
        run.Tap?.Input(this, x);
        SitePlan? plan = run.Plan?[this];
        Tensor y = plan is null ? Base(run, x, ids) : plan.Forward(run, x, ids);
        run.Tap?.Output(this, y);
        return y;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>A stored tensor of a model: exactly one of a weight (a matrix) and a parameter (a vector).</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Weight">The matrix, or null.</param>
/// <param name="Vector">The vector, or null.</param>
/// <param name="Transposed">The file stores the matrix as [inputs, outputs].</param>
public readonly record struct ModelTensor(string Name, Weight? Weight, Parameter? Vector, bool Transposed = false)
{
    /// <summary>Rows of the matrix as which the file stores the vector; 0 or 1: it stores a vector.</summary>
    public int VectorRows { get; init; }
}
