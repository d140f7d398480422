using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Writes a model as a folder in the form of the Hugging Face hub.</summary>
public static class ModelWriter
{
    /// <summary>The largest weights file before the tensors are divided among several, in bytes.</summary>
    public const long ShardBytes = 5_000_000_000;

    /// <summary>Writes config.json and model.safetensors (shards and their index above <see cref="ShardBytes"/>); each file whole or not at all.</summary>
    /// <remarks>config.json comes last, so that a folder that was not finished does not load.</remarks>
    /// <param name="model">The model; a tied head is not stored twice.</param>
    /// <param name="folder">Made where it is absent.</param>
    /// <param name="type">The format of all tensors; null: matrices as the model keeps them (four bits of bitsandbytes and factors too, GGUF's blocks as bf16), vectors as the configuration says where that is exact, else f32.</param>
    /// <param name="shardBytes">The largest weights file.</param>
    public static void Save(LanguageModel model, string folder, ElementType? type = null, long shardBytes = ShardBytes)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shardBytes);
        Directory.CreateDirectory(folder);
        // A merge may have parted the head from the table; who reads "tied" would leave the stored head out.
        bool tied = model.Head.Sites.All(head => head.Tied);
        FourBitState? coded = type is null ? FourBits(model) : null;
        string config = ModelConfigFile.Write(
            model.Config with { StoredType = type ?? model.Config.StoredType ?? MatrixType(model), TieEmbeddings = tied },
            coded,
            FactoredFiles.Describe([.. model.Tensors.Select(tensor => tensor.Weight).OfType<FactoredWeight>()]));
        string configPath = Path.Combine(folder, "config.json");
        File.Delete(configPath);
        ElementType vectors = type ?? model.Config.StoredType ?? ElementType.F32;
        List<TensorToWrite> tensors = [.. model.Tensors.SelectMany(tensor => ToWrite(tensor, type, vectors))];
        List<List<TensorToWrite>> shards = Divide(tensors, shardBytes);
        Dictionary<string, string> metadata = new() { ["format"] = "pt" };
        string single = Path.Combine(folder, "model.safetensors"), index = Path.Combine(folder, "model.safetensors.index.json");
        if (shards.Count == 1)
        {
            SafetensorsWriter.Write(single, metadata, tensors);
            File.Delete(index);
        }
        else
        {
            // The single file would be read in the shards' place.
            File.Delete(single);
            WriteShards(folder, index, shards, metadata);
        }
        AtomicFile.WriteText(configPath, config);
    }

    private static void WriteShards(string folder, string index, List<List<TensorToWrite>> shards, Dictionary<string, string> metadata)
    {
        JsonObject map = [];
        long total = 0;
        for (int i = 0; i < shards.Count; i++)
        {
            string name = $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors";
            SafetensorsWriter.Write(Path.Combine(folder, name), metadata, shards[i]);
            foreach (TensorToWrite tensor in shards[i])
            {
                map[tensor.Name] = name;
                total += Bytes(tensor);
            }
        }
        JsonObject json = new() { ["metadata"] = new JsonObject { ["total_size"] = total }, ["weight_map"] = map };
        AtomicFile.WriteText(index, json.ToJsonString());
    }

    private static List<List<TensorToWrite>> Divide(List<TensorToWrite> tensors, long most)
    {
        List<List<TensorToWrite>> shards = [[]];
        long used = 0;
        foreach (TensorToWrite tensor in tensors)
        {
            long bytes = Bytes(tensor);
            if (used > 0 && used + bytes > most)
            {
                shards.Add([]);
                used = 0;
            }
            shards[^1].Add(tensor);
            used += bytes;
        }
        return shards;
    }

    private static long Bytes(TensorToWrite tensor) => tensor.Shape.Aggregate(1L, (a, b) => a * b) * tensor.Type.Size();

    private static FourBitState? FourBits(LanguageModel model) => model.Tensors.Select(tensor => tensor.Weight).OfType<FourBitWeight>().FirstOrDefault()?.State;

    private static ElementType MatrixType(LanguageModel model) => TypeOf(model.Embedding.Weight);

    private static ElementType TypeOf(Weight weight) => weight.Format switch
    {
        "f32" or "f64" => ElementType.F32,
        "f16" => ElementType.F16,
        _ => ElementType.BF16,
    };

    private static StoredType Stored(ElementType type) => type switch
    {
        ElementType.F32 => StoredType.F32,
        ElementType.BF16 => StoredType.BF16,
        _ => StoredType.F16,
    };

    private static IEnumerable<TensorToWrite> ToWrite(ModelTensor tensor, ElementType? type, ElementType vectors) =>
        tensor.Weight switch
        {
            FourBitWeight coded when type is null => BitsAndBytes.ToWrite(tensor.Name, coded, ModelConfigFile.Name(vectors)),
            FactoredWeight factored => FactoredFiles.ToWrite(tensor.Name, factored, type),
            _ => [ToWriteDense(tensor, type, vectors)],
        };

    private static TensorToWrite ToWriteDense(ModelTensor tensor, ElementType? type, ElementType vectors)
    {
        if (tensor.Weight is not { } weight)
        {
            Tensor value = tensor.Vector!.Value;
            ElementType exact = type is not null || IsExact(value.Span, vectors) ? vectors : ElementType.F32;
            long[] shape = tensor.VectorRows > 1 ? [tensor.VectorRows, value.Shape.Length / tensor.VectorRows] : [value.Shape.Length];
            return new TensorToWrite(tensor.Name, Stored(exact), shape, to => TensorToWrite.WriteSingle(value.Span, exact, to));
        }
        ElementType kept = type ?? TypeOf(weight);
        if (tensor.Transposed)
        {
            return new TensorToWrite(tensor.Name, Stored(kept), [weight.Inputs, weight.Outputs], to => WriteTransposed(weight, kept, to));
        }
        return new TensorToWrite(tensor.Name, Stored(kept), [weight.Outputs, weight.Inputs], to =>
        {
            float[] row = ArrayPool<float>.Shared.Rent(weight.Inputs);
            try
            {
                for (int i = 0; i < weight.Outputs; i++)
                {
                    weight.Read(i, row.AsSpan(0, weight.Inputs));
                    TensorToWrite.WriteSingle(row.AsSpan(0, weight.Inputs), kept, to);
                }
            }
            finally
            {
                ArrayPool<float>.Shared.Return(row);
            }
        });
    }

    /// <summary>Column by column from one float32 copy: rows of a packed matrix are read whole.</summary>
    private static void WriteTransposed(Weight weight, ElementType kept, Stream to)
    {
        float[] all = weight.ToArray(), column = new float[weight.Outputs];
        for (int i = 0; i < weight.Inputs; i++)
        {
            for (int o = 0; o < column.Length; o++)
            {
                column[o] = all[((long)o * weight.Inputs) + i];
            }
            TensorToWrite.WriteSingle(column, kept, to);
        }
    }

    private static bool IsExact(ReadOnlySpan<float> values, ElementType type)
    {
        if (type == ElementType.F32)
        {
            return true;
        }
        byte[] narrow = new byte[2 * values.Length];
        float[] wide = new float[values.Length];
        Casting.FromSingle(values, type, narrow);
        Casting.ToSingle(narrow, type, wide);
        return values.SequenceEqual(wide);
    }
}
