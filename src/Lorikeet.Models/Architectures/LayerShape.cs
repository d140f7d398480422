using Lorikeet.Models.Files;

namespace Lorikeet.Models;

/// <summary>How wide one block's attention and feed-forward are.</summary>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyHeads">Key and value heads.</param>
/// <param name="Intermediate">Width of the feed-forward.</param>
internal readonly record struct LayerShape(int Heads, int KeyHeads, int Intermediate)
{
    /// <summary>The configuration's shape, or what the tensors say where blocks may differ.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="source">The tensors.</param>
    /// <param name="attention">The attention's module path.</param>
    /// <param name="mlp">The feed-forward's module path.</param>
    /// <exception cref="BadFileException">The tensors contradict the configuration.</exception>
    public static LayerShape Of(ModelConfig config, ITensorSource source, string attention, string mlp)
    {
        if (!config.PerLayerShapes)
        {
            return new LayerShape(config.Heads, config.KeyHeads, config.IntermediateSize);
        }
        int heads = Count(attention + ".q_proj.weight", config.Heads, config.HeadDim);
        int keyHeads = Count(attention + ".k_proj.weight", config.KeyHeads, config.HeadDim);
        if (heads % keyHeads != 0)
        {
            throw new BadFileException($"{attention}: {heads} query heads over {keyHeads} key heads; expected a whole number of heads for each.");
        }
        return new LayerShape(heads, keyHeads, Count(mlp + ".gate_proj.weight", config.IntermediateSize, 1));

        int Count(string name, int most, int unit)
        {
            int rows = source.Rows(name, most * unit);
            return rows % unit == 0 && rows / unit <= most
                ? rows / unit
                : throw new BadFileException($"tensor {name} has {rows} rows; expected a multiple of {unit}, at most {most * unit}.");
        }
    }
}
