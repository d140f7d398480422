using System.Text.Json;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Verify.Quantisation;

/// <summary>Matrices quantised to four bits: codes, scales, coded scales, restored values; and restored from the case's own codes.</summary>
internal sealed class FourBitBlocksCase(string folder, JsonElement root, CaseReport report)
{
    /// <summary>Compares every tensor of the case.</summary>
    public void Verify()
    {
        if (File.Exists(Path.Combine(folder, CodeBooksCase.File)))
        {
            CodeBooksCase.VerifyStored(folder, report);
        }
        using SafetensorsFile inputs = SafetensorsFile.Open(Path.Combine(folder, "inputs.safetensors"));
        using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(folder, "quantised.safetensors"));
        HashSet<string> seen = [];
        foreach (JsonElement block in root.GetProperty("blocks").EnumerateArray())
        {
            int[] shape = [.. block.GetProperty("shape").EnumerateArray().Select(e => e.GetInt32())];
            Matrix(
                block.GetProperty("name").GetString()!, inputs, expected, shape[0], shape[1], block.GetProperty("quant_type").GetString()!,
                block.GetProperty("blocksize").GetInt32(), block.GetProperty("double").GetBoolean(), seen);
        }
        // Tensors that no entry lists say in their names what they are: input.type.block[.double].packed.
        foreach (StoredTensor tensor in expected.Tensors.Where(t => !seen.Contains(t.Name) && t.Name.EndsWith(".packed", StringComparison.Ordinal)).ToArray())
        {
            string name = tensor.Name[..^".packed".Length];
            string[] parts = name.Split('.');
            int count = (int)inputs.Tensors.First(t => t.Name == parts[0]).Count;
            Matrix(name, inputs, expected, 1, count, parts[1], int.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture), parts.Length > 3, seen);
        }
        foreach (StoredTensor tensor in expected.Tensors.Where(t => !seen.Contains(t.Name)))
        {
            report.Fail(tensor.Name, "the case does not say what it is");
        }
    }

    private void Matrix(
        string name, SafetensorsFile inputs, SafetensorsFile expected, int outputs, int columns, string kind, int blockSize, bool doubled, HashSet<string> seen)
    {
        float[] values = TrainingReference.Floats(inputs, name.Split('.')[0]);
        using FourBitWeight made = FourBitWeight.Quantise(values, outputs, columns, kind, doubled, blockSize);
        FourBitState state = made.State;
        if (Has(".packed"))
        {
            byte[] packed = TrainingReference.Bytes(expected, name + ".packed");
            Codes(packed, made.Codes(), state.Book);
        }
        if (Has(".absmax") && doubled)
        {
            report.Equal(name + ".absmax", TrainingReference.Bytes(expected, name + ".absmax").AsSpan().SequenceEqual(state.Codes), Differ(TrainingReference.Bytes(expected, name + ".absmax"), state.Codes!));
        }
        else if (expected.TryGet(name + ".absmax", out _))
        {
            report.Each(name + ".absmax", TrainingReference.Wide(state.Maxima), TrainingReference.Wide(TrainingReference.Floats(expected, name + ".absmax")), 0, 0);
        }
        (double absolute, double relative) = TrainingReference.Tolerance(root.GetProperty("tolerance").GetProperty("nested_absmax"));
        if (Has(".nested_absmax"))
        {
            report.Each(name + ".nested_absmax", TrainingReference.Wide(state.NestedMaxima), TrainingReference.Wide(TrainingReference.Floats(expected, name + ".nested_absmax")), relative, absolute);
        }
        if (Has(".nested_offset"))
        {
            report.Each(name + ".nested_offset", [state.NestedOffset], TrainingReference.Wide(TrainingReference.Floats(expected, name + ".nested_offset")), relative, absolute);
        }
        if (Has(".restored"))
        {
            (absolute, relative) = TrainingReference.Tolerance(root.GetProperty("tolerance").GetProperty("restored"));
            double[] restored = TrainingReference.Wide(TrainingReference.Floats(expected, name + ".restored"));
            report.Each(name + ".restored", TrainingReference.Wide(made.ToArray()), restored, relative, absolute);
            using FourBitWeight read = Stored(state);
            report.Each(name + ".restored from its codes", TrainingReference.Wide(read.ToArray()), restored, relative, absolute);
        }

        bool Has(string end)
        {
            seen.Add(name + end);
            return expected.TryGet(name + end, out _);
        }

        void Codes(byte[] wanted, byte[] got, float[] book)
        {
            // Codes that stand for one number are equal: FP4 has two zeros.
            int differ = wanted.Length == got.Length ? 0 : wanted.Length;
            for (int i = 0; i < got.Length && differ < got.Length; i++)
            {
                differ += book[got[i] >> 4] == book[wanted[i] >> 4] && book[got[i] & 15] == book[wanted[i] & 15] ? 0 : 1;
            }
            report.Equal(name + ".packed", differ == 0, $"{differ} of {wanted.Length} bytes differ");
        }

        FourBitWeight Stored(FourBitState like)
        {
            FourBitState own = doubled
                ? like with
                {
                    Codes = TrainingReference.Bytes(expected, name + ".absmax"),
                    NestedMaxima = TrainingReference.Floats(expected, name + ".nested_absmax"),
                    NestedOffset = TrainingReference.Floats(expected, name + ".nested_offset")[0],
                }
                : like with { Maxima = TrainingReference.Floats(expected, name + ".absmax") };
            return new FourBitWeight(TrainingReference.Bytes(expected, name + ".packed"), own, outputs, columns);
        }
    }

    internal static string Differ(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> got)
    {
        if (expected.Length != got.Length)
        {
            return $"{got.Length} bytes computed, {expected.Length} expected";
        }
        int differ = 0;
        for (int i = 0; i < got.Length; i++)
        {
            differ += got[i] == expected[i] ? 0 : 1;
        }
        return $"{differ} of {got.Length} bytes differ";
    }
}
