using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Compares a copy of the base's table in an adapter's file with the base.</summary>
internal static class BaseTable
{
    /// <summary>The tensor, to be written back as it is.</summary>
    /// <param name="file">The file.</param>
    /// <param name="key">The tensor's name.</param>
    /// <param name="weight">The base's table.</param>
    /// <exception cref="BadFileException">It is another table: the adapter was trained on another base, or one with more tokens.</exception>
    public static TensorToWrite Check(AdapterFile file, string key, Weight weight)
    {
        TensorToWrite bytes = file.Peek(key);
        using Parameter copy = file.Take(key, new Shape(weight.Outputs, weight.Inputs), out _);
        float[] row = new float[weight.Inputs];
        double largest = 0, worst = 0;
        for (int i = 0; i < weight.Outputs; i++)
        {
            weight.Read(i, row);
            ReadOnlySpan<float> own = copy.Value.Row(i);
            for (int j = 0; j < row.Length; j++)
            {
                largest = Math.Max(largest, Math.Abs(own[j]));
                worst = Math.Max(worst, Math.Abs((double)own[j] - row[j]));
            }
        }
        // One of the two may be stored in bfloat16: 8 bits of each number, so 1/128 of the largest is still the same table.
        return worst <= largest / 128
            ? bytes
            : throw file.Bad($"{key} is not the base's table (it differs by {worst:G3}): the adapter was made for another base; expected the base it was trained on.");
    }
}
