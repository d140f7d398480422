using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Where a model's tensors come from: files, or random starts.</summary>
public interface ITensorSource
{
    /// <summary>True where the tensor is there (always, for random starts).</summary>
    /// <param name="name">Its name in the file.</param>
    bool Has(string name);

    /// <summary>A matrix as a weight.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="outputs">The rows it should have.</param>
    /// <param name="inputs">The columns it should have.</param>
    Weight Matrix(string name, int outputs, int inputs);

    /// <summary>A vector as a frozen parameter.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="length">The length it should have.</param>
    Parameter Vector(string name, int length);
}
