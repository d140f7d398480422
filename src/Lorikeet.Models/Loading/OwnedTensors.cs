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

    public Weight Matrix(string name, int outputs, int inputs)
    {
        Weight weight = source.Matrix(name, outputs, inputs);
        given.Add(weight);
        return weight;
    }

    public Parameter Vector(string name, int length)
    {
        Parameter vector = source.Vector(name, length);
        given.Add(vector);
        return vector;
    }

    public void Dispose()
    {
        foreach (IDisposable tensor in given)
        {
            tensor.Dispose();
        }
    }
}
