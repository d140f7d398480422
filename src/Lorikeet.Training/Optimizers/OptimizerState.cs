using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>What an optimiser remembers of one parameter: named tensors and the number of steps taken.</summary>
public sealed class OptimizerState : IDisposable
{
    /// <summary>Zeroed tensors in the parameter's shape.</summary>
    /// <param name="shape">The parameter's shape.</param>
    /// <param name="names">One for each tensor, as PyTorch names them: <c>exp_avg</c>.</param>
    public OptimizerState(Shape shape, params ReadOnlySpan<string> names)
    {
        Names = [.. names];
        Tensor[] tensors = new Tensor[names.Length];
        for (int i = 0; i < tensors.Length; i++)
        {
            tensors[i] = Storage.Zeros(shape);
        }
        Tensors = tensors;
    }

    /// <summary>The tensors' names.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The tensors, in the order of <see cref="Names"/>.</summary>
    public IReadOnlyList<Tensor> Tensors { get; }

    /// <summary>Steps taken.</summary>
    public int Steps { get; set; }

    /// <summary>Bytes of all tensors.</summary>
    public long Bytes
    {
        get
        {
            long bytes = 0;
            foreach (Tensor tensor in Tensors)
            {
                bytes += tensor.Shape.Length * sizeof(float);
            }
            return bytes;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor tensor in Tensors)
        {
            tensor.Free();
        }
    }
}
