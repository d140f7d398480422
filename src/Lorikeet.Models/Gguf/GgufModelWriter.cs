using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Gguf;

/// <summary>How a model is written as a GGUF file.</summary>
public sealed record GgufSaveOptions
{
    /// <summary>The format of matrices, see <see cref="WeightFormat"/>; null (the default): as the model keeps them.</summary>
    public WeightFormat? Format { get; init; }

    /// <summary>The folder or GGUF file whose tokenizer is written; null: none, and other programs cannot turn text into tokens.</summary>
    public string? Tokenizer { get; init; }

    /// <summary><c>general.name</c>, or null.</summary>
    public string? Name { get; init; }

    /// <summary>Is told each tensor when it is written: its name, its number from 1, and how many there are.</summary>
    public Action<string, int, int>? Progress { get; init; }
}

/// <summary>Writes a model as one GGUF file that llama.cpp loads.</summary>
public static class GgufModelWriter
{
    private const int RowsAtOnce = 64;
    private const string Head = "output", Positions = "position_embd";

    // What llama.cpp calls a file by most of its matrices; a tool's hint, nothing is read by it.
    private static readonly Dictionary<string, uint> FileTypes = new()
    {
        ["F32"] = 0,
        ["F16"] = 1,
        ["Q4_0"] = 2,
        ["Q4_1"] = 3,
        ["Q8_0"] = 7,
        ["Q5_0"] = 8,
        ["Q5_1"] = 9,
        ["Q2_K"] = 10,
        ["Q3_K"] = 12,
        ["Q4_K"] = 15,
        ["Q5_K"] = 17,
        ["Q6_K"] = 18,
        ["IQ4_NL"] = 25,
        ["IQ4_XS"] = 30,
        ["BF16"] = 32,
    };

    /// <summary>Writes the file, whole or not at all; matrices are read, converted and written some rows at a time.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <param name="stop">Stops between tensors.</param>
    /// <exception cref="NotSupportedException">The format of GGUF files, or this version, cannot hold the model; the message says what of it.</exception>
    public static void Save(LanguageModel model, string path, GgufSaveOptions? options = null, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new GgufSaveOptions();
        GgufArchitecture architecture = GgufArchitecture.For(model.Config.ModelType);
        List<(GgufTensorToWrite Tensor, BlockFormat? Format, long Bytes)> tensors = [];
        Dictionary<string, GgufName> modules = architecture.AllModules(model.Config.Layers).ToDictionary(m => m.Hub);
        bool tied = model.Head.Sites.All(head => head.Tied);
        foreach (Site site in model.Sites)
        {
            foreach (ModelTensor tensor in site.Tensors)
            {
                // A file of the base model alone leaves the first part of the path out; the site has it whole.
                string kind = tensor.Name[tensor.Name.LastIndexOf('.')..];
                GgufName module = modules.TryGetValue(site.Name, out GgufName? known) && kind is ".weight" or ".bias"
                    ? known!
                    : throw new NotSupportedException($"tensor {tensor.Name} has no place in GGUF files of the architecture {architecture.Name}");
                tensors.Add(tensor.Weight is { } weight
                    ? Matrix(weight, module, kind, model.Config.HeadDim, Format(model, weight, module, tied, options.Format))
                    : Vector(tensor.Vector!.Value, module, kind, model.Config.HeadDim));
            }
        }
        if (tied && architecture.WritesHead)
        {
            Weight table = model.Embedding.Weight;
            tensors.Add(Matrix(table, architecture.Modules.Single(m => m.Gguf == Head), ".weight", 0, Format(model, table, null, tied, options.Format)));
        }
        if (GgufRope.Divisors(model.Config) is { } divisors)
        {
            tensors.Add((new GgufTensorToWrite(GgufRope.Tensor, BlockFormat.F32.Id, [divisors.Length], to => TensorToWrite.WriteSingle(divisors, ElementType.F32, to)), null, 0));
        }
        GgufMetadata metadata = Metadata(model, architecture, options, tensors);
        int done = 0;
        GgufWriter.Write(path, metadata.Values, [.. tensors.Select(t => t.Tensor with { Write = to => Watched(t.Tensor, to) })]);

        void Watched(GgufTensorToWrite tensor, Stream to)
        {
            stop.ThrowIfCancellationRequested();
            options.Progress?.Invoke(tensor.Name, ++done, tensors.Count);
            tensor.Write(to);
        }
    }

    private static GgufMetadata Metadata(
        LanguageModel model, GgufArchitecture architecture, GgufSaveOptions options, List<(GgufTensorToWrite Tensor, BlockFormat? Format, long Bytes)> tensors)
    {
        GgufMetadata metadata = new(architecture.Name);
        metadata.Add("general.architecture", architecture.Name);
        metadata.Add("general.type", "model");
        if (options.Name is { Length: > 0 } name)
        {
            metadata.Add("general.name", name);
        }
        architecture.WriteConfig(model.Config, metadata);
        BlockFormat? most = tensors.Where(t => t.Format is not null).GroupBy(t => t.Format!).OrderByDescending(g => g.Sum(t => t.Bytes / g.Key.Bits)).FirstOrDefault()?.Key;
        if (most is not null && FileTypes.TryGetValue(most.Name, out uint type))
        {
            metadata.Add("general.file_type", type);
        }
        metadata.Add("general.quantization_version", 2u);
        if (options.Tokenizer is not null)
        {
            GgufVocabularyWriter.Write(options.Tokenizer, model.Config, metadata);
        }
        else
        {
            metadata.Add("tokenizer.ggml.model", GgufVocabulary.None);
        }
        return metadata;
    }

    private static MatrixRole Role(LanguageModel model, Weight weight, bool tied) =>
        model.Head.Sites.Any(h => ReferenceEquals(h.Weight, weight)) ? MatrixRole.Head
        : !ReferenceEquals(model.Embedding.Weight, weight) ? MatrixRole.Linear
        : tied ? MatrixRole.Head : MatrixRole.Table;

    private static BlockFormat Format(LanguageModel model, Weight weight, GgufName? module, bool tied, WeightFormat? format) =>
        module?.Gguf == Positions ? BlockFormat.F32 : format?.BlocksFor(weight, Role(model, weight, tied)) ?? Kept(weight);

    // The nearest thing that a GGUF file can hold.
    private static BlockFormat Kept(Weight weight) => weight.Blocks ?? weight.Format switch { "f32" or "f64" => BlockFormat.F32, "f16" => BlockFormat.F16, _ => BlockFormat.BF16 };

    private static (GgufTensorToWrite Tensor, BlockFormat? Format, long Bytes) Matrix(Weight weight, GgufName module, string kind, int headDim, BlockFormat format)
    {
        bool permuted = module.Heads != GgufHeads.None;
        int rowBytes = checked((int)format.RowBytes(weight.Inputs));
        return (new GgufTensorToWrite(module.Gguf + kind, format.Id, [weight.Inputs, weight.Outputs], to => Write(to)), format, (long)rowBytes * weight.Outputs);

        void Write(Stream to)
        {
            float[] values = new float[RowsAtOnce * weight.Inputs];
            byte[] bytes = new byte[RowsAtOnce * rowBytes];
            for (int first = 0; first < weight.Outputs; first += RowsAtOnce)
            {
                int rows = Math.Min(RowsAtOnce, weight.Outputs - first);
                for (int i = 0; i < rows; i++)
                {
                    int row = permuted ? HeadRows.InFolder(first + i, headDim) : first + i;
                    if (weight.Blocks == format)
                    {
                        weight.ReadBlocks(row, bytes.AsSpan(i * rowBytes, rowBytes));
                    }
                    else
                    {
                        weight.Read(row, values.AsSpan(i * weight.Inputs, weight.Inputs));
                    }
                }
                if (weight.Blocks != format)
                {
                    RowQuantiser.Run(format, values.AsSpan(0, rows * weight.Inputs), rows, weight.Inputs, bytes);
                }
                to.Write(bytes.AsSpan(0, rows * rowBytes));
            }
        }
    }

    private static (GgufTensorToWrite Tensor, BlockFormat? Format, long Bytes) Vector(Tensor value, GgufName module, string kind, int headDim)
    {
        float[] values = Array.ConvertAll(value.Span.ToArray(), v => v + module.Offset);
        if (module.Heads != GgufHeads.None)
        {
            float[] hub = [.. values];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = hub[HeadRows.InFolder(i, headDim)];
            }
        }
        return (new GgufTensorToWrite(module.Gguf + kind, BlockFormat.F32.Id, [values.Length], to => TensorToWrite.WriteSingle(values, ElementType.F32, to)), null, 0);
    }
}
