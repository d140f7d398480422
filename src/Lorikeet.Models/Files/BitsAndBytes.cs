using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Files;

/// <summary>Matrices in four bits as bitsandbytes stores them in safetensors files.</summary>
/// <remarks>
/// NAME: U8 [ceil(count / 2), 1]; NAME.absmax: F32 [blocks], or U8 where the scales are coded, with NAME.nested_absmax and NAME.nested_quant_map [256] then;
/// NAME.quant_map [16]; NAME.quant_state.bitsandbytes__nf4 (or __fp4): JSON as bytes, which alone says the shape.
/// </remarks>
public static class BitsAndBytes
{
    private const string StatePrefix = ".quant_state.bitsandbytes__";

    /// <summary>Reads a matrix; null where its tensors are not those of bitsandbytes.</summary>
    /// <param name="folder">The files.</param>
    /// <param name="name">The tensor of the codes.</param>
    /// <param name="outputs">The rows it should have.</param>
    /// <param name="inputs">The columns it should have.</param>
    /// <exception cref="BadFileException">A tensor is missing, or has another shape or number that makes no sense.</exception>
    /// <exception cref="NotSupportedException">It is stored in 8 bits.</exception>
    public static FourBitWeight? TryRead(TensorFolder folder, string name, int outputs, int inputs)
    {
        if (folder.TryGet(Scb(name), out _, out _))
        {
            throw new NotSupportedException($"{folder.Folder}: tensor {name} is stored in bitsandbytes' 8 bits (LLM.int8), which is not built yet: 4 bits are");
        }
        foreach (string kind in (ReadOnlySpan<string>)["nf4", "fp4"])
        {
            if (folder.TryGet(name + StatePrefix + kind, out StoredTensor? state, out SafetensorsFile? file))
            {
                string path = $"{folder.Folder}: {state.Name}";
                using JsonDocument json = SafeJson.Parse(file.Bytes(state).ToArray(), path);
                return json.RootElement.ValueKind == JsonValueKind.Object
                    ? Read(new Reader(folder, name), new JsonFields(json.RootElement, path), kind, outputs, inputs)
                    : throw new BadFileException($"{path} is {SafeJson.Describe(json.RootElement.ValueKind)}; expected an object.");
            }
        }
        return null;
    }

    /// <summary>The tensors of a matrix.</summary>
    /// <param name="name">The tensor of the codes.</param>
    /// <param name="weight">The matrix.</param>
    /// <param name="dtype">The type that the model computes in, as PyTorch names it.</param>
    public static IEnumerable<TensorToWrite> ToWrite(string name, FourBitWeight weight, string dtype)
    {
        FourBitState state = weight.State;
        long count = (long)weight.Outputs * weight.Inputs;
        JsonObject json = new()
        {
            ["quant_type"] = state.Kind,
            ["blocksize"] = state.BlockSize,
            ["dtype"] = dtype,
            ["shape"] = new JsonArray(weight.Outputs, weight.Inputs),
        };
        yield return new TensorToWrite(name, StoredType.U8, [(count + 1) / 2, 1], to => to.Write(weight.Codes()));
        if (state.Maxima is { } maxima)
        {
            yield return Floats(".absmax", maxima);
        }
        else
        {
            json["nested_blocksize"] = state.NestedBlockSize;
            json["nested_dtype"] = "float32";
            // As a double, as Python writes a float of PyTorch.
            json["nested_offset"] = (double)state.NestedOffset;
            yield return Bytes(".absmax", state.Codes!);
            yield return Floats(".nested_absmax", state.NestedMaxima!);
            yield return Floats(".nested_quant_map", state.NestedBook!);
        }
        yield return Floats(".quant_map", state.Book);
        yield return Bytes(StatePrefix + state.Kind, Encoding.UTF8.GetBytes(json.ToJsonString()));

        TensorToWrite Floats(string end, float[] values) => TensorToWrite.Single(name + end, [values.Length], values);

        TensorToWrite Bytes(string end, byte[] values) => new(name + end, StoredType.U8, [values.Length], to => to.Write(values));
    }

    private static FourBitWeight Read(Reader reader, JsonFields json, string kind, int outputs, int inputs)
    {
        string said = json.Text("quant_type", kind);
        if (said != kind)
        {
            throw new BadFileException($"{json.Path}: quant_type is {BadFileException.Short(said)}; expected {kind}, as its name says.");
        }
        IReadOnlyList<int> shape = json.Integers("shape", 1, int.MaxValue);
        if (shape.Count != 2 || shape[0] != outputs || shape[1] != inputs)
        {
            throw new BadFileException($"{json.Path}: the shape is [{string.Join(", ", shape)}]; config.json asks for [{outputs}, {inputs}].");
        }
        int blockSize = json.Integer("blocksize", 2, 1 << 16);
        long count = (long)outputs * inputs;
        int blocks = (int)((count + blockSize - 1) / blockSize);
        FourBitState state = new() { Kind = kind, BlockSize = blockSize, Book = reader.Floats(".quant_map", 16) };
        if (json.Has("nested_blocksize"))
        {
            int nested = json.Integer("nested_blocksize", 1, 1 << 16);
            state = state with
            {
                Codes = reader.Bytes(".absmax", blocks).ToArray(),
                NestedBlockSize = nested,
                NestedMaxima = reader.Floats(".nested_absmax", (blocks + nested - 1) / nested),
                NestedBook = reader.Floats(".nested_quant_map", 256),
                NestedOffset = (float)json.Number("nested_offset", -float.MaxValue, float.MaxValue, 0),
            };
        }
        else
        {
            state = state with { Maxima = reader.Floats(".absmax", blocks) };
        }
        return new FourBitWeight(reader.Bytes("", (count + 1) / 2), state, outputs, inputs);
    }

    // Beside an 8-bit weight lie its rows' scales.
    private static string Scb(string name) => name.EndsWith(".weight", StringComparison.Ordinal) ? name[..^"weight".Length] + "SCB" : name + ".SCB";

    private readonly struct Reader(TensorFolder folder, string name)
    {
        public ReadOnlySpan<byte> Bytes(string end, long count)
        {
            SafetensorsFile file = Find(end, StoredType.U8, count, out StoredTensor tensor);
            return file.Bytes(tensor);
        }

        public float[] Floats(string end, int count)
        {
            SafetensorsFile file = Find(end, StoredType.F32, count, out StoredTensor tensor);
            float[] values = MemoryMarshal.Cast<byte, float>(file.Bytes(tensor)).ToArray();
            foreach (float value in values)
            {
                if (!float.IsFinite(value))
                {
                    throw new BadFileException($"{file.FilePath}: tensor {tensor.Name} holds {value.ToString(CultureInfo.InvariantCulture)}; expected finite numbers.");
                }
            }
            return values;
        }

        private SafetensorsFile Find(string end, StoredType type, long count, out StoredTensor tensor)
        {
            if (!folder.TryGet(name + end, out StoredTensor? found, out SafetensorsFile? file))
            {
                throw new BadFileException($"{folder.Folder} has no tensor {name}{end}, which a weight in bitsandbytes' four bits needs.");
            }
            if (found.Type != type || found.Count != count)
            {
                throw new BadFileException($"{file.FilePath}: tensor {found.Name} is {found.Count} numbers of {found.Type.Name()}; expected {count} of {type.Name()}.");
            }
            tensor = found;
            return file;
        }
    }
}
