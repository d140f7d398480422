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

    /// <summary>A matrix the other way round, for those that a model's file stores as [inputs, outputs].</summary>
    /// <param name="values">[rows, columns].</param>
    /// <param name="rows">Its rows.</param>
    /// <returns>[columns, rows].</returns>
    public static float[] Transposed(ReadOnlySpan<float> values, int rows)
    {
        float[] turned = new float[values.Length];
        int columns = values.Length / rows;
        for (int at = 0; at < turned.Length; at++)
        {
            turned[at] = values[((at % rows) * columns) + (at / rows)];
        }
        return turned;
    }
}
