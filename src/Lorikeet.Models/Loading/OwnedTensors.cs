using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Passes tensors on and frees them again where the model that they are for is never finished.</summary>
internal sealed class OwnedTensors(ITensorSource source) : ITensorSource, IDisposable
{
    private readonly List<IDisposable> given = [];

    /// <summary>The model is finished and owns them.</summary>
    public void Release() => given.Clear();

    public bool Differ(string name, string other) => source.Differ(name, other);

    public int Rows(string name, int configured) => source.Rows(name, configured);

    public bool Has(string name) => source.Has(name);

    public Weight Matrix(string name, int outputs, int inputs) => Own(source.Matrix(name, outputs, inputs));

    public Weight Transposed(string name, int outputs, int inputs) => Own(source.Transposed(name, outputs, inputs));

    public Parameter Vector(string name, int length) => Own(source.Vector(name, length));

    public Parameter Vector(string name, int rows, int columns) => Own(source.Vector(name, rows, columns));

    /// <summary>Brings a matrix that was given into another format; the old one is freed.</summary>
    public Weight Convert(string name, Weight weight, WeightFormat format, MatrixRole role)
    {
        if (format.Plan(weight, role) is not { } make)
        {
            return weight;
        }
        given.Remove(weight);
        weight.Dispose();
        try
        {
            return Own(make());
        }
        catch (InvalidDataException e)
        {
            throw new BadFileException($"tensor {name} cannot be kept as {format}: {e.Message}", e);
        }
    }

    public void Dispose()
    {
        foreach (IDisposable tensor in given)
        {
            tensor.Dispose();
        }
    }

    private T Own<T>(T tensor)
        where T : IDisposable
    {
        given.Add(tensor);
        return tensor;
    }
}
