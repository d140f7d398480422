using System.Runtime.InteropServices;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Coefficients in the file: one tensor as floats, or codes and one scale.</summary>
/// <remarks>
/// f32, f16: KEY [k]. int8: KEY I8 [k] and KEY_scale F32 [1]. int4: KEY U8 [ceil(k / 2)], the first code in the low half of a byte, and
/// KEY_scale. So a vector of k takes k bits / 8 bytes, rounded up, and its scale.
/// </remarks>
internal static class CoefficientFile
{
    public static IEnumerable<TensorToWrite> Write(string key, Parameter parameter, NolaOptions options)
    {
        int bits = options.CodeBits, length = parameter.Value.Width;
        if (bits == 0)
        {
            return [TensorToWrite.Single(key, [length], parameter.Value.Span.ToArray(), options.StoredType)];
        }
        sbyte[] codes = new sbyte[length];
        float scale = CoefficientCodes.Encode(parameter.Value.Span, bits, codes);
        byte[] bytes = bits == 8 ? MemoryMarshal.AsBytes(codes.AsSpan()).ToArray() : CoefficientCodes.Pack(codes);
        return
        [
            new TensorToWrite(key, options.StoredType, [bytes.Length], to => to.Write(bytes)),
            TensorToWrite.Single(key + "_scale", [1], new[] { scale }),
        ];
    }

    public static Parameter Take(AdapterFile file, string key, int length, NolaOptions options)
    {
        int bits = options.CodeBits;
        if (bits == 0)
        {
            Parameter values = file.Take(key, new Shape(length), out StoredType type);
            if (type != options.StoredType)
            {
                values.Dispose();
                throw file.Bad($"{key} is {type.Name()}, coefficient_type says {options.StoredType.Name()}.");
            }
            return values;
        }
        int bytes = bits == 8 ? length : (length + 1) / 2;
        if (!file.TryGet(key, out StoredTensor? stored) || stored.Type != options.StoredType || stored.Shape.Count != 1 || stored.Shape[0] != bytes)
        {
            string found = stored is null ? "is missing" : $"is {stored.Type.Name()} [{string.Join(", ", stored.Shape)}]";
            throw file.Bad($"{key} {found}; expected {options.StoredType.Name()} [{bytes}] for {length} coefficients of {bits} bits.");
        }
        using MemoryStream raw = new();
        file.TakeRaw(key).Write(raw);
        sbyte[] codes = Codes(raw.ToArray(), bits, length);
        using Parameter scale = file.Take(key + "_scale", new Shape(1), out _);
        if (scale.Value.Span[0] < 0 || codes.AsSpan().IndexOfAnyExceptInRange((sbyte)-CoefficientCodes.Levels(bits), (sbyte)CoefficientCodes.Levels(bits)) >= 0)
        {
            throw file.Bad($"{key} has a code beyond +-{CoefficientCodes.Levels(bits)} or a negative scale.");
        }
        Tensor value = Storage.Zeros(new Shape(length));
        CoefficientCodes.Decode(codes, bits, scale.Value.Span[0], value.Span);
        return new Parameter(key, value);
    }

    private static sbyte[] Codes(byte[] bytes, int bits, int length)
    {
        if (bits == 8)
        {
            return MemoryMarshal.Cast<byte, sbyte>(bytes).ToArray();
        }
        sbyte[] codes = new sbyte[length];
        CoefficientCodes.Unpack(bytes, codes);
        return codes;
    }
}
