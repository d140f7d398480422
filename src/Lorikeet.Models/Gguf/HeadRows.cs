namespace Lorikeet.Models.Gguf;

/// <summary>The order of rows of q and k: GGUF files of some architectures have rotated pairs side by side, folders of the hub have them half a head apart.</summary>
internal static class HeadRows
{
    /// <summary>Where the row of a folder lies in the file: row t d/2 + j of a head is row 2j + t there.</summary>
    /// <param name="row">The row in the folder.</param>
    /// <param name="headDim">Rows of a head.</param>
    public static int InFile(int row, int headDim)
    {
        int own = row % headDim, half = headDim / 2;
        return row - own + (own < half ? 2 * own : (2 * (own - half)) + 1);
    }

    /// <summary>Where the row of the file lies in a folder.</summary>
    /// <param name="row">The row in the file.</param>
    /// <param name="headDim">Rows of a head.</param>
    public static int InFolder(int row, int headDim)
    {
        int own = row % headDim, half = headDim / 2;
        return row - own + (own % 2 * half) + (own / 2);
    }
}
