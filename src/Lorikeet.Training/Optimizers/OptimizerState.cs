using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>What an optimiser remembers of one parameter: named tensors, named 8-bit codes, and the number of steps taken.</summary>
/// <remarks>
/// An optimiser adds what it needs when it begins, and may add and drop as it goes: a checkpoint keeps whatever is there, by name. Names are PyTorch's
/// where PyTorch has the optimiser: <c>exp_avg</c>.
/// </remarks>
public sealed class OptimizerState : IDisposable
{
    private readonly List<string> names = [];
    private readonly List<Tensor> tensors = [];
    private readonly List<(string Name, byte[] Codes)> codes = [];

    /// <summary>The tensors' names.</summary>
    public IReadOnlyList<string> Names => names;

    /// <summary>The tensors, in the order of <see cref="Names"/>.</summary>
    public IReadOnlyList<Tensor> Tensors => tensors;

    /// <summary>Codes of one byte each, by name.</summary>
    public IReadOnlyList<(string Name, byte[] Codes)> Codes => codes;

    /// <summary>The state of the optimiser inside, where one runs in a part of the parameter's space; else null.</summary>
    public OptimizerState? Part { get; set; }

    /// <summary>Whether the optimiser has put in what its first step needs.</summary>
    internal bool Begun { get; set; }

    /// <summary>Steps taken, as the optimiser counts them: some begin anew now and then.</summary>
    public int Steps { get; set; }

    /// <summary>Bytes of all tensors and codes.</summary>
    public long Bytes
    {
        get
        {
            long bytes = 0;
            foreach (Tensor tensor in tensors)
            {
                bytes += tensor.Shape.Length * sizeof(float);
            }
            foreach ((_, byte[] own) in codes)
            {
                bytes += own.Length;
            }
            return bytes + (Part?.Bytes ?? 0);
        }
    }

    /// <summary>A tensor by name.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public Tensor this[string name] => names.IndexOf(name) is >= 0 and int at ? tensors[at] : throw new KeyNotFoundException($"the state has no tensor {name}, it has {string.Join(", ", names)}");

    /// <summary>Whether there is a tensor of a name.</summary>
    /// <param name="name">The name.</param>
    public bool Has(string name) => names.Contains(name);

    /// <summary>Adds a tensor of zeros, or returns the one that is there.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Its shape.</param>
    /// <exception cref="ArgumentException">One of another shape is there.</exception>
    public Tensor Add(string name, Shape shape)
    {
        if (Has(name))
        {
            return this[name].Shape == shape ? this[name] : throw new ArgumentException($"the state's {name} is {this[name].Shape}, expected {shape}", nameof(shape));
        }
        names.Add(name);
        tensors.Add(Storage.Zeros(shape));
        return tensors[^1];
    }

    /// <summary>Adds codes of zero, or returns those that are there.</summary>
    /// <param name="name">Their name.</param>
    /// <param name="count">How many.</param>
    public byte[] AddCodes(string name, int count)
    {
        foreach ((string own, byte[] found) in codes)
        {
            if (own == name)
            {
                return found.Length == count ? found : throw new ArgumentException($"the state's {name} has {found.Length} codes, expected {count}", nameof(count));
            }
        }
        codes.Add((name, new byte[count]));
        return codes[^1].Codes;
    }

    /// <summary>Drops a tensor, if it is there.</summary>
    /// <param name="name">Its name.</param>
    public void Drop(string name)
    {
        if (names.IndexOf(name) is >= 0 and int at)
        {
            tensors[at].Free();
            names.RemoveAt(at);
            tensors.RemoveAt(at);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor tensor in tensors)
        {
            tensor.Free();
        }
        Part?.Dispose();
    }
}
