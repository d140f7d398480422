using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Verify;

/// <summary>Reads reference tensors.</summary>
internal static class TensorFiles
{
    /// <summary>All numbers of a tensor.</summary>
    /// <param name="file">The file.</param>
    /// <param name="tensor">One of its tensors.</param>
    public static float[] Floats(SafetensorsFile file, StoredTensor tensor)
    {
        float[] values = new float[tensor.Count];
        file.ReadSingle(tensor, values);
        return values;
    }
}
