using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Lorikeet.Testing;

/// <summary>Safetensors files in memory, right or wrong as a test wants them.</summary>
public static class SmallSafetensors
{
    /// <summary>A file of one tensor of float32.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="shape">Its shape, as JSON.</param>
    /// <param name="values">Its numbers.</param>
    public static byte[] Of(string name, string shape, ReadOnlySpan<float> values) => Of(name, "F32", shape, MemoryMarshal.AsBytes(values));

    /// <summary>A file of one tensor.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="type">Its type.</param>
    /// <param name="shape">Its shape, as JSON.</param>
    /// <param name="bytes">Its bytes.</param>
    public static byte[] Of(string name, string type, string shape, ReadOnlySpan<byte> bytes) =>
        WithHeader($$$"""{"{{{name}}}":{"dtype":"{{{type}}}","shape":{{{shape}}},"data_offsets":[0,{{{bytes.Length}}}]}}""", bytes);

    /// <summary>A file of a header as it is given.</summary>
    /// <param name="header">The header.</param>
    /// <param name="bytes">What follows it.</param>
    public static byte[] WithHeader(string header, ReadOnlySpan<byte> bytes)
    {
        byte[] text = Encoding.UTF8.GetBytes(header);
        byte[] file = new byte[8 + text.Length + bytes.Length];
        BinaryPrimitives.WriteInt64LittleEndian(file, text.Length);
        text.CopyTo(file, 8);
        bytes.CopyTo(file.AsSpan(8 + text.Length));
        return file;
    }
}
