using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Gguf;

namespace Lorikeet.Adapters;

/// <summary>LoRA adapters in GGUF files, as llama.cpp reads them: a pair of factors a module and one alpha, y += alpha / r (x A^T) B^T.</summary>
/// <remarks>
/// Factor B of modules whose rows are permuted in the file has its rows permuted too. The format has no DoRA, no biases, no alpha of a module's own, no
/// modules saved whole, and no rank-stabilised scale: an adapter with one is written with alpha times the root of r.
/// </remarks>
public static class GgufLora
{
    private const string TypeKey = "adapter.type", AlphaKey = "adapter.lora.alpha", A = ".weight.lora_a", B = ".weight.lora_b";
    private const string Table = "token_embd";

    /// <summary>True for a GGUF file that says it is an adapter.</summary>
    /// <param name="path">The file; false where it is absent, a folder, or of another kind.</param>
    public static bool Is(string path)
    {
        if (!GgufFile.Is(path))
        {
            return false;
        }
        using GgufFile file = GgufFile.Open(path);
        return new GgufFields(file.Metadata, path).Text("general.type") == "adapter";
    }

    /// <summary>Writes an adapter, whole or not at all; factors are float32, as llama.cpp's own converter writes them.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="path">The file; its folder must exist.</param>
    /// <exception cref="NotSupportedException">The format cannot hold the adapter; the message says what of it.</exception>
    public static void Save(TrainedAdapter adapter, string path)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        GgufModules modules = new(adapter.Model.Config);
        List<GgufTensorToWrite> tensors = [];
        float? alpha = null;
        foreach (Site site in adapter.Model.Sites.Where(s => adapter[s] is not null))
        {
            if (adapter[site] is not ILowRankChange { IsPlain: true, Pair: { } pair })
            {
                throw No($"its change of {site.Name} is not a plain low-rank one (DoRA, biases, whole modules and token rows are not)");
            }
            if (!modules.TryName(site.Name, out string? name))
            {
                throw No($"it changes {site.Name}");
            }
            if (site is EmbeddingSite or LinearSite { IsHead: true } && adapter.Model.Config.TieEmbeddings)
            {
                throw No($"it changes {site.Name} of a model whose head is its token table: other programs would change both");
            }
            // scale = alpha / r there; one alpha for the whole file.
            float own = (float)((double)pair.Scale * pair.Rank);
            if (own == 0 || Math.Abs(own - (alpha ??= own)) > 1e-6 * Math.Abs(own))
            {
                throw No(own == 0 ? $"its change of {site.Name} has the scale 0" : $"{site.Name} has alpha {own:G6}, modules before it {alpha:G6}: a file has one");
            }
            bool table = site is EmbeddingSite;
            float[] a = pair.A.Value.Span.ToArray(), b = pair.B.Value.Span.ToArray();
            int inputs = a.Length / pair.Rank, outputs = b.Length / pair.Rank;
            a = table ? Transpose(a, pair.Rank, inputs) : a;
            tensors.Add(Tensor(name + A, table ? [pair.Rank, inputs] : [inputs, pair.Rank], a));
            tensors.Add(Tensor(name + B, [pair.Rank, outputs], modules.IsPermuted(site.Name) ? Permute(b, pair.Rank, row => modules.RowInFile(site.Name, row)) : b));
        }
        if (alpha is null || adapter.FileTensors.Count != tensors.Count)
        {
            throw No(alpha is null ? "it changes nothing" : "it holds tensors beside the factors");
        }
        KeyValuePair<string, GgufValue>[] metadata =
        [
            KeyValuePair.Create("general.architecture", GgufValue.Of(modules.Architecture)),
            KeyValuePair.Create("general.type", GgufValue.Of("adapter")),
            KeyValuePair.Create(TypeKey, GgufValue.Of("lora")),
            KeyValuePair.Create("general.name", GgufValue.Of(adapter.Name)),
            KeyValuePair.Create(AlphaKey, GgufValue.Of(alpha.Value)),
            KeyValuePair.Create("general.quantization_version", GgufValue.Of(2u)),
        ];
        GgufWriter.Write(path, metadata, tensors);

        NotSupportedException No(string what) => new($"adapter {adapter.Name} has no form in a GGUF file: {what}");
    }

    /// <summary>Reads a file as what a folder of PEFT's would hold.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">The model it is used with.</param>
    /// <exception cref="BadFileException">The file breaks a rule, or belongs to another model.</exception>
    /// <exception cref="NotSupportedException">It holds something other than LoRA's factors.</exception>
    internal static (JsonObject Config, IStoredTensors Tensors) Read(string path, LanguageModel model)
    {
        using GgufFile file = GgufFile.Open(path);
        GgufFields fields = new(file.Metadata, path);
        GgufModules modules = new(model.Config);
        if (fields.Text("general.type") != "adapter")
        {
            throw fields.Bad($"is of general.type {Short(fields.Text("general.type") ?? "none")}; expected an adapter.");
        }
        if (fields.Text(TypeKey) is { } type && type != "lora")
        {
            throw fields.Unsupported($"{TypeKey} {Short(type)} is not built: this version has lora");
        }
        if (fields.Architecture != modules.Architecture)
        {
            throw fields.Bad($"is for the architecture {Short(fields.Architecture)}, the model is {modules.Architecture}.");
        }
        MemoryTensors tensors = new(path);
        SortedDictionary<string, int> ranks = new(StringComparer.Ordinal);
        foreach (GgufTensor tensor in file.Tensors)
        {
            string name = tensor.Name;
            bool isA = name.EndsWith(A, StringComparison.Ordinal);
            if (!isA && !name.EndsWith(B, StringComparison.Ordinal))
            {
                throw fields.Unsupported($"tensor {Short(name)} is no factor of a low-rank change (…{A}, …{B})");
            }
            string stem = name[..^A.Length];
            if (!modules.TryModule(stem, out string? module))
            {
                throw fields.Bad($"has the tensor {Short(name)}, which changes no module of the model ({model.Blocks.Count} layers).");
            }
            if (stem == Table && model.Config.TieEmbeddings)
            {
                throw fields.Unsupported($"tensor {name} changes the token table of a model whose head it is");
            }
            if (tensor.Extents.Count > 2 || tensor.Count is 0 or > int.MaxValue)
            {
                throw fields.Bad($"has the tensor {name} of [{string.Join(", ", tensor.Shape)}]; expected a matrix.");
            }
            float[] values = new float[tensor.Count];
            file.ReadSingle(tensor, 0, values);
            (int rows, int width) = ((int)tensor.Rows, (int)tensor.RowLength);
            if (isA && stem == Table)
            {
                values = Transpose(values, rows, width);
                (rows, width) = (width, rows);
            }
            else if (!isA && modules.IsPermuted(module))
            {
                values = Permute(values, width, Inverse(rows, row => modules.RowInFile(module, row), fields, name));
            }
            ranks[module] = isA ? rows : ranks.GetValueOrDefault(module, width);
            string key = stem == Table ? isA ? LoraKeys.EmbeddingA : LoraKeys.EmbeddingB : isA ? LoraKeys.A : LoraKeys.B;
            tensors.Add(LoraKeys.Of(module, key), [rows, width], values);
        }
        return (Config(fields, ranks, model), tensors);
    }

    private static JsonObject Config(GgufFields fields, SortedDictionary<string, int> ranks, LanguageModel model)
    {
        if (ranks.Count == 0)
        {
            throw fields.Bad("has no tensors; expected the factors of an adapter.");
        }
        int rank = ranks.Values.GroupBy(r => r).OrderByDescending(g => g.Count()).First().Key;
        double alpha = fields.Number(AlphaKey) ?? 0;
        JsonObject rankOf = [], alphaOf = [];
        foreach ((string module, int own) in ranks.Where(r => r.Value != rank))
        {
            rankOf["^" + Regex.Escape(module)] = own;
            if (alpha == 0)
            {
                alphaOf["^" + Regex.Escape(module)] = own;
            }
        }
        return LoraOptions.Complete(new JsonObject
        {
            ["peft_type"] = "LORA",
            ["task_type"] = "CAUSAL_LM",
            ["base_model_name_or_path"] = null,
            ["r"] = rank,
            // 0 stands for no alpha: a scale of 1.
            ["lora_alpha"] = alpha == 0 ? rank : alpha,
            ["rank_pattern"] = rankOf,
            ["alpha_pattern"] = alphaOf,
            ["target_modules"] = new JsonArray([.. Targets(ranks.Keys, model).Select(t => (JsonNode)t)]),
        });
    }

    // The last parts of the paths where these name exactly the adapted modules, else whole paths.
    private static IEnumerable<string> Targets(IReadOnlyCollection<string> modules, LanguageModel model)
    {
        string[] leaves = [.. modules.Select(Leaf).Distinct().Order(StringComparer.Ordinal)];
        int named = model.Sites.Count(s => s is LinearSite or EmbeddingSite && leaves.Contains(Leaf(s.Name)));
        return named == modules.Count ? leaves : modules;

        static string Leaf(string module) => module[(module.LastIndexOf('.') + 1)..];
    }

    private static Func<int, int> Inverse(int rows, Func<int, int> inFile, GgufFields fields, string name)
    {
        int[] hub = new int[rows];
        for (int row = 0; row < rows; row++)
        {
            int at = inFile(row);
            hub[at < rows ? at : throw fields.Bad($"has the tensor {name} of {rows} rows; expected whole heads.")] = row;
        }
        return row => hub[row];
    }

    // Row i goes where the function says.
    private static float[] Permute(float[] values, int width, Func<int, int> to)
    {
        float[] permuted = new float[values.Length];
        for (int row = 0; row < values.Length / width; row++)
        {
            values.AsSpan(row * width, width).CopyTo(permuted.AsSpan(to(row) * width));
        }
        return permuted;
    }

    private static float[] Transpose(float[] values, int rows, int width)
    {
        float[] transposed = new float[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            transposed[(i % width * rows) + (i / width)] = values[i];
        }
        return transposed;
    }

    // A name from a file, cut so that a message stays readable.
    private static string Short(string name) => name.Length <= 120 ? name : string.Concat(name.AsSpan(0, 117), "...");

    private static GgufTensorToWrite Tensor(string name, long[] extents, float[] values) =>
        new(name, BlockFormat.F32.Id, extents, to => to.Write(MemoryMarshal.AsBytes<float>(values)));
}
