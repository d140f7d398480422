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
        return Build(name, model, checkedConfig, options, [], (site, keyA, keyB) =>
        {
            int rank = options.Rank;
            Tensor a = Storage.Zeros(new Shape(site.Outputs, rank)), b = Storage.Zeros(new Shape(rank, site.Inputs));
            if (options.Form.AddsBase)
            {
                float bound = 1f / MathF.Sqrt(site.Inputs);
                random.Named(keyB).FillUniform(b.Span, -bound, bound);
            }
            else
            {
                float[] eps = new float[rank * site.Inputs];
                random.Named(keyB).FillNormal(eps, StartDeviation);
                FloraFactors start = FloraFactors.Start(options.Form, rank, site.Outputs, site.Inputs, eps);
                start.B.CopyTo(b.Span);
                // A is constant at the start: no order to mind.
                start.A.CopyTo(a.Span);
            }
            return (new Parameter(keyA, a), new Parameter(keyB, b), StoredType.F32);
        });
    }

    /// <inheritdoc/>
    public override TrainedAdapter Read(string name, LanguageModel model, AdapterFile file)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(file);
        FloraOptions options = FloraOptions.Read(file.Config);
        foreach (string key in file.Keys)
        {
            if (key.Contains(".hira_embedding_", StringComparison.Ordinal))
            {
                throw new NotSupportedException($"{file.Path}: {key}: HiRA on an embedding is not built: this version adapts linear layers");
            }
        }
        return Build(name, model, file.Config, options, file.Warnings, (site, keyA, keyB) =>
        {
            // The tensors decide about the rank: PEFT's HiRA ignores rank_pattern when it makes a module.
            if (!file.TryGet(keyB, out StoredTensor? stored) || stored.Shape.Count != 2 || stored.Shape[0] is < 1 or > FloraOptions.MostRank)
            {
                throw file.Bad(stored is null
                    ? $"{keyB} is missing; expected [r, {site.Inputs}]."
                    : $"{keyB} is [{string.Join(", ", stored.Shape)}]; expected [r, {site.Inputs}] with r from 1 to {FloraOptions.MostRank}.");
            }
            int rank = (int)stored.Shape[0];
            Parameter b = file.Take(keyB, new Shape(rank, site.Inputs), out _);
            try
            {
                return (file.Take(keyA, new Shape(site.Outputs, rank), out StoredType type), b, type);
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
        Func<LinearSite, string, string, (Parameter A, Parameter B, StoredType Type)> make)
    {
        if (config.Has("modules_to_save"))
        {
            throw config.Unsupported("modules_to_save is not built for FLoRA: train such modules with a LoRA adapter");
        }
        Warn(config, options, warnings);
        IReadOnlyList<LinearSite> sites = TargetSites.Of(model, config);
        long count = 0;
        TrainedAdapter adapter = new(name, model, this, Written(config.Json, options))
        {
            AdaptedModules = [.. sites.Select(s => s.Name)],
            Warnings = [.. warnings],
            ExpectedParameterCount = 0,
        };
        (string suffixA, string suffixB) = options.IsHira ? (".hira_B", ".hira_A") : (".flora_A", ".flora_B");
        try
        {
            foreach (LinearSite site in sites)
            {
                string path = AdapterFile.Prefix + site.Name;
                (Parameter a, Parameter b, StoredType type) = make(site, path + suffixA, path + suffixB);
                adapter.Set(site, new FloraSite(a, b, options.Form, options.Dropout));
                adapter.Store(a.Name, a, type);
                adapter.Store(b.Name, b, type);
                count += (long)b.Value.Rows * (site.Inputs + site.Outputs);
            }
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
        adapter.ExpectedParameterCount = count;
        return adapter;
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
            else if (key is not ("rank_pattern" or "mode" or "reduction" or "scale") && !FloraOptions.HiraKeys.Contains(key))
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
