using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Models;

/// <summary>Which blocks attend to a window of the sequence only.</summary>
internal static class LayerWindows
{
    /// <summary>One window for all blocks: <c>sliding_window</c>.</summary>
    /// <param name="json">config.json.</param>
    /// <param name="layers">Number of blocks.</param>
    /// <param name="absent">The window where the key is missing; where it is null there is none.</param>
    public static int[] All(JsonFields json, int layers, int absent)
    {
        int window = json.Names("sliding_window") ? json.Integer("sliding_window", 1, int.MaxValue, 0) : absent;
        return window == 0 ? [] : [.. Enumerable.Repeat(window, layers)];
    }

    /// <summary>The window of each block: <c>layer_types</c> decides alone where it is given.</summary>
    /// <param name="json">config.json.</param>
    /// <param name="window">The window; 0: none is in use.</param>
    /// <param name="layers">Number of blocks.</param>
    /// <param name="windowed">Which blocks have it where there are no <c>layer_types</c>.</param>
    public static int[] Some(JsonFields json, int window, int layers, Func<int, bool> windowed)
    {
        JsonElement[]? types = json.Array("layer_types", layers);
        int[] windows = new int[layers];
        for (int layer = 0; layer < layers; layer++)
        {
            string? type = types is null ? null : types[layer].ValueKind == JsonValueKind.String ? types[layer].GetString() : "";
            windows[layer] = type switch
            {
                null => windowed(layer) ? window : 0,
                "full_attention" => 0,
                "sliding_attention" when window > 0 => window,
                "sliding_attention" => throw new BadFileException(
                    $"{json.Path}: layer_types[{layer}] is sliding_attention, but no sliding_window is in use; expected use_sliding_window and sliding_window."),
                _ => throw new NotSupportedException(
                    $"{json.Path}: layer_types[{layer}] {BadFileException.Short(types![layer].GetRawText())} is not built yet: this version has full_attention and sliding_attention"),
            };
        }
        return windows;
    }
}
