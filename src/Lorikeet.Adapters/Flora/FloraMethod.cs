using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>FLoRA: multiplies the frozen weight element by element with a low-rank matrix; in its residual form PEFT's HiRA.</summary>
/// <remarks>
/// The residual form with s = 1 is written as <c>peft_type</c> HIRA, so that PEFT opens it; everything else as FLORA in the same container, with
/// <c>P.flora_A</c> [outputs, r] and <c>P.flora_B</c> [r, inputs].
/// </remarks>
public sealed class FloraMethod : AdapterMethod
{
    private const float StartDeviation = 0.02f;

    /// <inheritdoc/>
    public override string Name => "flora";

    /// <inheritdoc/>
    public override string PeftType => FloraOptions.Flora;

    /// <inheritdoc/>
    public override string Summary => "Multiplies frozen weights element by element with a low-rank matrix: many adapters share one product.";

    /// <inheritdoc/>
    public override string Source => "Wen and Chaudhuri, Batched Low-Rank Adaptation of Foundation Models, ICLR 2024, arXiv 2312.05677; residual form: PEFT's HiRA";

    /// <inheritdoc/>
    public override string Formula => "r (inputs + outputs)";

    /// <inheritdoc/>
    public override IReadOnlyList<MethodOption> Options => FloraOptions.All;

    /// <inheritdoc/>
    public override double LearningRate => 6e-3;

    /// <inheritdoc/>
    public override double WeightDecay => 0;

    /// <inheritdoc/>
    public override bool Reads(JsonObject config) => FloraOptions.Reads(config);

    /// <inheritdoc/>
    public override TrainedAdapter Create(string name, LanguageModel model, JsonObject config, CounterRandom random)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(config);
        JsonObject own = (JsonObject)config.DeepClone();
        own["peft_type"] ??= FloraOptions.Flora;
        AdapterConfig checkedConfig = new(own, "options");
        FloraOptions options = FloraOptions.Read(checkedConfig);
        if (!checkedConfig.Flag("init_weights", true))
        {
            throw checkedConfig.Unsupported("init_weights false (a start that is not the base) is not built for FLoRA");
        }
        return Build(name, model, checkedConfig, options, [], place =>
        {
            int rank = options.Rank;
            Tensor a = Storage.Zeros(new Shape(place.Outputs, rank)), b = Storage.Zeros(new Shape(rank, place.Inputs));
            if (place.IsEmbedding)
            {
                // As PEFT starts LoRA on an embedding: the factor of the tokens is zero.
                random.Named(place.KeyA).FillNormal(a.Span, 1f);
            }
            else if (options.Form.AddsBase)
            {
                float bound = 1f / MathF.Sqrt(place.Inputs);
                random.Named(place.KeyB).FillUniform(b.Span, -bound, bound);
            }
            else
            {
                float[] eps = new float[b.Span.Length];
                random.Named(place.KeyB).FillNormal(eps, StartDeviation);
                FloraFactors start = FloraFactors.Start(options.Form, rank, place.Outputs, place.Inputs, eps);
                start.B.CopyTo(b.Span);
                // A is constant at the start: no order to mind.
                start.A.CopyTo(a.Span);
            }
            return (new Parameter(place.KeyA, a), new Parameter(place.KeyB, b), StoredType.F32);
        });
    }

    /// <inheritdoc/>
    public override TrainedAdapter Read(string name, LanguageModel model, AdapterFile file)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(file);
        FloraOptions options = FloraOptions.Read(file.Config);
        return Build(name, model, file.Config, options, file.Warnings, place =>
        {
            // The tensors decide about the rank: PEFT's HiRA ignores rank_pattern when it makes a module.
            if (!file.TryGet(place.KeyB, out StoredTensor? stored) || stored.Shape.Count != 2 || stored.Shape[0] is < 1 or > FloraOptions.MostRank)
            {
                throw file.Bad(stored is null
                    ? $"{place.KeyB} is missing; expected [r, {place.Inputs}]."
                    : $"{place.KeyB} is [{string.Join(", ", stored.Shape)}]; expected [r, {place.Inputs}] with r from 1 to {FloraOptions.MostRank}.");
            }
            int rank = (int)stored.Shape[0];
            Parameter b = file.Take(place.KeyB, new Shape(rank, place.Inputs), out _);
            try
            {
                return (file.Take(place.KeyA, new Shape(place.Outputs, rank), out StoredType type), b, type);
            }
            catch
            {
                b.Dispose();
                throw;
            }
        });
    }

    private TrainedAdapter Build(
        string name,
        LanguageModel model,
        AdapterConfig config,
        FloraOptions options,
        IList<string> warnings,
        Func<Place, (Parameter A, Parameter B, StoredType Type)> make)
    {
        Warn(config, options, warnings);
        IReadOnlyList<Site> sites = options.IsHira ? TargetSites.Of(model, config, "HiRA", warnings) : TargetSites.Linear(model, config, "FLoRA", warnings);
        List<(Site Site, SiteAdapter Change)> changes = [];
        List<(Parameter Parameter, StoredType Type)> stored = [];
        try
        {
            foreach (Site site in sites)
            {
                Place place = Place.Of(site, options.IsHira);
                (Parameter a, Parameter b, StoredType type) = make(place);
                stored.Add((a, type));
                stored.Add((b, type));
                changes.Add((site, place.IsEmbedding ? new FloraEmbeddingSite(b, a, options.Form.Scale) : new FloraSite(a, b, options.Form, options.Dropout)));
            }
        }
        catch
        {
            stored.ForEach(s => s.Parameter.Dispose());
            throw;
        }
        TrainedAdapter adapter = new(name, model, this, Written(config.Json, options))
        {
            AdaptedModules = [.. sites.Select(s => s.Name)],
            Warnings = [.. warnings],
            ExpectedParameterCount = stored.Sum(s => s.Parameter.Shape.Length),
        };
        changes.ForEach(c => adapter.Set(c.Site, c.Change));
        stored.ForEach(s => adapter.Store(s.Parameter.Name, s.Parameter, s.Type));
        return adapter;
    }

    /// <summary>Where two factors belong: A' is [Outputs, r], B is [r, Inputs].</summary>
    private sealed record Place(string KeyA, string KeyB, int Outputs, int Inputs, bool IsEmbedding)
    {
        public static Place Of(Site site, bool hira)
        {
            string path = AdapterFile.Prefix + site.Name;
            return site switch
            {
                // A token table reads one-hot rows: its inputs are the vocabulary, and the names swap sides with the linear layer's.
                EmbeddingSite embedding => new Place(
                    path + ".hira_embedding_B", path + ".hira_embedding_A", embedding.Weight.Inputs, embedding.Weight.Outputs, true),
                _ => new Place(path + (hira ? ".hira_B" : ".flora_A"), path + (hira ? ".hira_A" : ".flora_B"), site.Outputs, site.Inputs, false),
            };
        }
    }

    private static void Warn(AdapterConfig config, FloraOptions options, IList<string> warnings)
    {
        if (!options.IsHira)
        {
            return;
        }
        foreach ((string key, _) in config.Json)
        {
            if (key == "rank_pattern" && config.Entries(key).Any())
            {
                warnings.Add($"{config.Source}: rank_pattern has no effect in HiRA (nor in PEFT): the tensors' shapes decide");
            }
            else if (key is not ("mode" or "reduction" or "scale") && !FloraOptions.HiraKeys.Contains(key))
            {
                warnings.Add($"{config.Source}: {key} is no option of HiRA and has no effect; it is kept");
            }
        }
    }

    private static JsonObject Written(JsonObject config, FloraOptions options)
    {
        JsonObject written = (JsonObject)config.DeepClone();
        written["r"] ??= options.Rank;
        if (options.IsHira)
        {
            written["peft_type"] = FloraOptions.Hira;
            written.Remove("mode");
            written.Remove("reduction");
            written.Remove("scale");
            return written;
        }
        written["mode"] = options.Form.AddsBase ? "residual" : "direct";
        if (options.Form.AddsBase)
        {
            written["scale"] = options.Form.Scale;
        }
        else
        {
            written["reduction"] = options.Form.Reduction == FloraReduction.Mean ? "mean" : "sum";
        }
        return written;
    }
}
