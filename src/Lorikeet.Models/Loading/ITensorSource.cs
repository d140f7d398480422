using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Where a model's tensors come from: files, or random starts.</summary>
public interface ITensorSource
{
    /// <summary>True where two tensors are both stored and hold different values: a head that the configuration calls tied and is not.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="other">The other's name.</param>
    bool Differ(string name, string other);

    /// <summary>True where a tensor of that name is stored; sources that make what they are asked for have all.</summary>
    /// <param name="name">Its name in the file.</param>
    bool Has(string name) => true;

    /// <summary>The rows of a matrix, where they may differ from block to block; the given number where nothing is stored.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="configured">The configuration's number.</param>
    int Rows(string name, int configured);

    /// <summary>A matrix as a weight.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="outputs">The rows it should have.</param>
    /// <param name="inputs">The columns it should have.</param>
    /// <exception cref="Files.BadFileException">It is missing, or has another shape.</exception>
    Weight Matrix(string name, int outputs, int inputs);

    /// <summary>A matrix that a file of the hub stores as [inputs, outputs]; as <see cref="Matrix"/> where the source does not.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="outputs">The rows that the weight should have: the stored columns.</param>
    /// <param name="inputs">The columns that the weight should have: the stored rows.</param>
    /// <exception cref="Files.BadFileException">It is missing, or has another shape.</exception>
    Weight Transposed(string name, int outputs, int inputs) => Matrix(name, outputs, inputs);

    /// <summary>A vector as a frozen parameter.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="length">The length it should have.</param>
    /// <exception cref="Files.BadFileException">It is missing, or has another shape.</exception>
    Parameter Vector(string name, int length);

    /// <summary>A vector that a file of the hub stores as a matrix, row after row.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="rows">The rows it should have there.</param>
    /// <param name="columns">The columns it should have there.</param>
    /// <exception cref="Files.BadFileException">It is missing, or has another shape.</exception>
    Parameter Vector(string name, int rows, int columns) => Vector(name, checked(rows * columns));
}
