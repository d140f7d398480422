using System.Runtime.InteropServices;
using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Verify;

/// <summary>Reads what the cases of training and optimisers hold.</summary>
internal static class TrainingReference
{
    /// <summary>case.json of a folder; the caller disposes it.</summary>
    public static JsonDocument Read(string folder) => SafeJson.ReadObject(Path.Combine(folder, "case.json"));

    /// <summary>The folders of cases that hold results; those with inputs only are left out.</summary>
    public static IEnumerable<string> Cases(string folder)
    {
        foreach (string found in VerifyRunner.FoldersWith(folder, "case.json"))
        {
            using JsonDocument json = Read(found);
            if (json.RootElement.TryGetProperty("tolerance", out _) || json.RootElement.TryGetProperty("source", out _))
            {
                yield return found;
            }
        }
    }

    /// <summary>A folder beside the case's, by the name the case gives.</summary>
    public static string Beside(string folder, string name)
    {
        string found = Path.GetFullPath(Path.Combine(folder, "..", name));
        return name.Length > 0 && name == Path.GetFileName(name) && Directory.Exists(found)
            ? found
            : throw new BadFileException($"{folder}: there is no folder {name} beside it.");
    }

    /// <summary>All numbers of a tensor.</summary>
    public static float[] Floats(SafetensorsFile file, string name) => TensorFiles.Floats(file, Tensor(file, name));

    /// <summary>All integers of an I32 tensor.</summary>
    public static int[] Integers(SafetensorsFile file, string name)
    {
        StoredTensor tensor = Tensor(file, name);
        return tensor.Type == StoredType.I32
            ? MemoryMarshal.Cast<byte, int>(file.Bytes(tensor)).ToArray()
            : throw new BadFileException($"{file.FilePath}: {name} is {tensor.Type}; expected I32.");
    }

    /// <summary>All bytes of a U8 tensor.</summary>
    public static byte[] Bytes(SafetensorsFile file, string name) => file.Bytes(Tensor(file, name)).ToArray();

    /// <summary>A tensor that must be there.</summary>
    public static StoredTensor Tensor(SafetensorsFile file, string name) =>
        file.TryGet(name, out StoredTensor? tensor) ? tensor : throw new BadFileException($"{file.FilePath}: there is no tensor {name}.");

    /// <summary>A fresh tensor with a stored tensor's shape and numbers.</summary>
    public static Tensor Load(SafetensorsFile file, string name)
    {
        StoredTensor stored = Tensor(file, name);
        int[] axes = [.. stored.Shape.Select(extent => checked((int)extent))];
        Tensor tensor = Storage.Zeros(new Shape(axes));
        file.ReadSingle(stored, tensor.Span);
        return tensor;
    }

    /// <summary>A list of numbers.</summary>
    public static double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(e => e.GetDouble())];

    /// <summary>float32 numbers as float64.</summary>
    public static double[] Wide(ReadOnlySpan<float> values)
    {
        double[] wide = new double[values.Length];
        for (int i = 0; i < wide.Length; i++)
        {
            wide[i] = values[i];
        }
        return wide;
    }

    /// <summary>The absolute and the relative part of a tolerance.</summary>
    public static (double Absolute, double Relative) Tolerance(JsonElement tolerance) =>
        (tolerance.GetProperty("absolute").GetDouble(), tolerance.GetProperty("relative").GetDouble());
}
