using System.Buffers;
using System.Runtime.InteropServices;
using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Numbers of a parameter that lie where they were stored, until somebody asks for its value.</summary>
public interface IParameterSource
{
    /// <summary>The type in which <see cref="Read"/> gives the numbers.</summary>
    ElementType Type { get; }

    /// <summary>Reads and checks all numbers; several threads may read at once.</summary>
    /// <param name="to">Receives them in order: as many bytes as the parameter's shape has numbers of <see cref="Type"/>.</param>
    void Read(Span<byte> to);

    /// <summary>Reads and checks all numbers as float32.</summary>
    /// <param name="to">Receives them in order, as long as the parameter's shape.</param>
    void ReadSingle(Span<float> to)
    {
        if (Type == ElementType.F32)
        {
            Read(MemoryMarshal.AsBytes(to));
            return;
        }
        int bytes = to.Length * Type.Size();
        byte[] stored = ArrayPool<byte>.Shared.Rent(bytes);
        try
        {
            Read(stored.AsSpan(0, bytes));
            Casting.ToSingle(stored, Type, to);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
    }
}
