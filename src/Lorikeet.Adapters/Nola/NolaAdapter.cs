using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Adapters;

/// <summary>A NOLA adapter: its coefficients are stored as floats or as integer codes.</summary>
internal sealed class NolaAdapter(string name, LanguageModel model, AdapterMethod method, JsonObject config, NolaOptions options)
    : TrainedAdapter(name, model, method, config)
{
    /// <inheritdoc/>
    public override IReadOnlyList<TensorToWrite> FileTensors =>
        [.. NamedParameters.SelectMany(p => CoefficientFile.Write(p.Key, p.Parameter, options)).OrderBy(t => t.Name, StringComparer.Ordinal)];
}
