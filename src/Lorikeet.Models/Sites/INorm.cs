using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>A normalisation of each row, or of each head in it.</summary>
public interface INorm
{
    /// <summary>Normalises, each row with its own adapter.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, width].</param>
    /// <returns>[rows, width].</returns>
    Tensor Forward(ModelRun run, in Tensor x);
}
