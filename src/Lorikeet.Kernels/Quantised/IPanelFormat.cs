using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>How a block format lies in panels of 16 outputs: a header (scales), then the codes of 32 inputs at a time.</summary>
/// <remarks>
/// Codes are bytes from 0 to 255 or fewer bits; the value is scale * (code - zero), or scale * code - offset. The 32 inputs of a block are 8 steps of 4:
/// a step's vector of 64 bytes holds 4 inputs of output 0, 4 of output 1, ..., so that one instruction multiplies and adds 4 inputs of 8 outputs.
/// Where several codes share a byte, steps s and s + 4 do.
/// </remarks>
internal unsafe interface IPanelFormat
{
    /// <summary>The format whose blocks are packed.</summary>
    static abstract BlockFormat Format { get; }

    /// <summary>Bytes of a panel before its codes.</summary>
    static abstract int HeaderBytes(int inputs);

    /// <summary>Bytes of the codes of 32 inputs of a panel.</summary>
    static abstract int CodeBytes { get; }

    /// <summary>Scales of 32 inputs: 1, or 2 (16 inputs each).</summary>
    static abstract int Groups { get; }

    /// <summary>True: value = scale * code - offset, one offset for 32 inputs. False: value = scale * (code - 2^<see cref="ZeroShift"/>).</summary>
    static abstract bool Offsets { get; }

    /// <summary>The logarithm of the code that stands for zero; not used with <see cref="Offsets"/>.</summary>
    static abstract int ZeroShift { get; }

    /// <summary>True: the products of 32 inputs of an output, as pairs, sum up within 16 bits (16 products of code and 127 each).</summary>
    static abstract bool Narrow { get; }

    /// <summary>True: all scales of a block, as stored in files, are finite.</summary>
    static abstract bool Finite(byte* block);

    /// <summary>Puts a block of a row into its panel.</summary>
    static abstract void Pack(byte* block, int index, int lane, byte* panel, int inputs);

    /// <summary>Takes a block out of its panel again, byte for byte.</summary>
    static abstract void Unpack(byte* panel, int inputs, int index, int lane, byte* block);

    /// <summary>The float32 scales of blocks of 32 inputs, [blocks * Groups][16], and their offsets, [blocks][16].</summary>
    static abstract void Scales(byte* panel, int inputs, int first, int blocks, float* scales, float* offsets);

    /// <summary>The codes of step 0 to 3 of 8 outputs: half 0 or 32.</summary>
    static abstract Vector256<byte> Low(byte* codes, nint step, nint half);

    /// <summary>The codes of step 4 to 7 of 8 outputs; <paramref name="step"/> counts from 0 to 3.</summary>
    static abstract Vector256<byte> High(byte* codes, nint step, nint half);

    /// <summary>One code: output <paramref name="lane"/>, input <paramref name="k"/> of 32.</summary>
    static abstract int Code(byte* codes, int lane, int k);
}
