using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Server;

/// <summary>Checks an adapter's files before it gets a name: form, numbers, fit. What is wrong is one line without the server's own paths.</summary>
internal sealed class AdapterCheck(LanguageModel model, ServerLimits limits)
{
    private const int Chunk = 1 << 16;

    /// <summary>Checks a folder.</summary>
    /// <returns>The method's name and the rank, 0 where it has none.</returns>
    /// <exception cref="ApiException">400: <c>invalid_adapter</c> for the files themselves, <c>adapter_mismatch</c> where they do not fit the base.</exception>
    public (string Kind, int Rank) Run(string folder)
    {
        string weights = Path.Combine(folder, AdapterFolder.WeightsName);
        RefusePickles(folder);
        if (!File.Exists(Path.Combine(folder, AdapterFolder.ConfigName)))
        {
            throw Invalid(AdapterFolder.ConfigName, $"the adapter has no {AdapterFolder.ConfigName}");
        }
        if (!File.Exists(weights))
        {
            throw Invalid(AdapterFolder.WeightsName, $"the adapter has no {AdapterFolder.WeightsName}");
        }
        try
        {
            CheckTensors(weights);
        }
        catch (BadFileException e)
        {
            throw Invalid(AdapterFolder.WeightsName, Clean(e.Message, folder));
        }
        JsonObject config;
        try
        {
            config = AdapterFolder.ReadConfig(folder);
            _ = SamplingDefaults.Read(folder);
        }
        catch (BadFileException e)
        {
            throw Invalid(e.Message.Contains(AdapterFiles.Generation, StringComparison.Ordinal) ? AdapterFiles.Generation : AdapterFolder.ConfigName, Clean(e.Message, folder));
        }
        CheckTemplate(Path.Combine(folder, AdapterFiles.Template));
        int rank = Rank(config);
        if (rank > limits.AdapterRank)
        {
            throw ApiException.Limit(AdapterFolder.ConfigName, rank, limits.AdapterRank, "the adapter's rank");
        }
        try
        {
            using TrainedAdapter adapter = AdapterFolder.Load(folder, model, "upload");
            return (adapter.Method.Name, rank);
        }
        catch (Exception e) when (e is IOException or NotSupportedException or ArgumentException or InvalidDataException or OverflowException)
        {
            throw ApiException.Bad(AdapterFolder.ConfigName, "adapter_mismatch", Clean(e.Message, folder));
        }
    }

    /// <summary>Whether bytes begin as a pickle does: a protocol mark, or the archive that newer ones are.</summary>
    public static bool IsPickle(ReadOnlySpan<byte> first) => first is [0x80, <= 5, ..] or [(byte)'P', (byte)'K', 3, 4, ..];

    public static ApiException Pickle(string part) => Invalid(
        part, $"{part} is a pickle: pickles can run code when they are read. Convert it where it was made: model.save_pretrained(folder, safe_serialization=True)");

    public static ApiException Invalid(string? param, string message) => ApiException.Bad(param, "invalid_adapter", message);

    private static void RefusePickles(string folder)
    {
        if (!File.Exists(Path.Combine(folder, AdapterFolder.WeightsName))
            && Directory.EnumerateFiles(folder).FirstOrDefault(f => Path.GetExtension(f) is ".bin" or ".pt" or ".pth" or ".ckpt") is { } pickle)
        {
            throw Pickle(Path.GetFileName(pickle));
        }
    }

    private void CheckTensors(string path)
    {
        byte[] first = new byte[8];
        using (FileStream file = File.OpenRead(path))
        {
            int read = file.ReadAtLeast(first, 8, throwOnEndOfStream: false);
            if (IsPickle(first.AsSpan(0, read)))
            {
                throw Pickle(AdapterFolder.WeightsName);
            }
            if (read == 8 && System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(first) is ulong header && header > (ulong)limits.AdapterHeaderBytes && header < (ulong)file.Length)
            {
                throw ApiException.Limit(AdapterFolder.WeightsName, (long)header, limits.AdapterHeaderBytes, "the safetensors header is too long (bytes)");
            }
        }
        using SafetensorsFile tensors = SafetensorsFile.OpenUnmapped(path);
        if (tensors.Tensors.Count > limits.AdapterTensors)
        {
            throw ApiException.Limit(AdapterFolder.WeightsName, tensors.Tensors.Count, limits.AdapterTensors, "the adapter has too many tensors");
        }
        float[] values = new float[Chunk];
        foreach (StoredTensor tensor in tensors.Tensors)
        {
            if (tensor.Type is not (StoredType.F32 or StoredType.F16 or StoredType.BF16 or StoredType.F64))
            {
                continue;
            }
            for (long at = 0; at < tensor.Count; at += Chunk)
            {
                Span<float> part = values.AsSpan(0, (int)Math.Min(Chunk, tensor.Count - at));
                tensors.ReadSingle(tensor, at, part);
                for (int i = 0; i < part.Length; i++)
                {
                    if (!float.IsFinite(part[i]))
                    {
                        throw Invalid(
                            AdapterFolder.WeightsName,
                            $"tensor '{Short(tensor.Name)}' holds {(float.IsNaN(part[i]) ? "NaN" : "Inf")} at [{Place(tensor, at + i)}]; retrain or drop it");
                    }
                }
            }
        }
    }

    private void CheckTemplate(string path)
    {
        if (!File.Exists(path))
        {
            return;
        }
        long bytes = new FileInfo(path).Length;
        if (bytes > limits.TemplateBytes)
        {
            throw ApiException.Bad(AdapterFiles.Template, "template_limit", $"the chat template has {bytes} bytes; the limit is {limits.TemplateBytes}");
        }
        try
        {
            _ = ChatTemplateSet.Empty.With(path);
        }
        catch (Exception e) when (e is TemplateException or BadFileException)
        {
            throw Invalid(AdapterFiles.Template, Clean(e.Message, Path.GetDirectoryName(path)!));
        }
    }

    private static int Rank(JsonObject config) =>
        config.TryGetPropertyValue("r", out JsonNode? r) && r is JsonValue value && value.TryGetValue(out int rank) && rank > 0 ? rank : 0;

    private static string Place(StoredTensor tensor, long at)
    {
        long[] index = new long[tensor.Shape.Count];
        for (int d = index.Length - 1; d >= 0; d--)
        {
            index[d] = at % tensor.Shape[d];
            at /= tensor.Shape[d];
        }
        return string.Join(", ", index);
    }

    // Where the server keeps its files is nobody's business.
    private static string Clean(string message, string folder) =>
        message.Replace(folder + Path.DirectorySeparatorChar, "", StringComparison.Ordinal).Replace(folder, "the adapter", StringComparison.Ordinal);

    private static string Short(string name) => name.Length <= 200 ? name : name[..200] + "...";
}
