using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Adapters;

/// <summary>A NOLA adapter: its coefficients are stored as floats or as integer codes.</summary>
internal sealed class NolaAdapter(string name, LanguageModel model, AdapterMethod method, JsonObject config, NolaOptions options)
    : TrainedAdapter(name, model, method, config)
{
    /// <inheritdoc/>
    /// <remarks>Coefficients are vectors; a matrix is a head's, and stored as every method stores it.</remarks>
    public override IReadOnlyList<TensorToWrite> FileTensors =>
    [
        .. NamedParameters.Where(p => p.Parameter.Shape.Rank == 1).SelectMany(p => CoefficientFile.Write(p.Key, p.Parameter, options))
            .Concat(base.FileTensors.Where(t => t.Shape.Count > 1)).OrderBy(t => t.Name, StringComparer.Ordinal),
    ];
}
