using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>NOLA: LoRA whose factors are linear combinations of random matrices that a seed makes again; only coefficients are stored.</summary>
/// <remarks>
/// Every weight has a basis of its own: streams <c>PATH.A</c>, <c>PATH.B</c> and <c>PATH.A0</c> of the seed, PATH the module's path.
/// Form llm: entries of both bases U(-1, 1) / sqrt(number of matrices), A0 ~ U(+-1/sqrt(inputs)), B0 = 0, coefficients start at 0.
/// Form vit: entries U(+-1/sqrt(inputs r)) and U(+-1/sqrt(r outputs)), no A0, coefficients start at 1/k and 1/l.
/// </remarks>
public sealed class NolaMethod : AdapterMethod
{
    /// <inheritdoc/>
    public override string Name => "nola";

    /// <inheritdoc/>
    public override string PeftType => NolaOptions.Nola;

    /// <inheritdoc/>
    public override string Summary => "LoRA from seeded random matrices: a few hundred trained numbers a weight, whatever the rank and the layer's size.";

    /// <inheritdoc/>
    public override string Source => "Koohpayegani et al., NOLA: Compressing LoRA using Linear Combination of Random Basis, ICLR 2024, arXiv 2310.02556";

    /// <inheritdoc/>
    public override string Formula => "num_basis + num_basis_b";

    /// <inheritdoc/>
    public override IReadOnlyList<MethodOption> Options => NolaOptions.All;

    /// <inheritdoc/>
    public override double LearningRate => 5e-3;

    /// <inheritdoc/>
    public override bool Reads(JsonObject config) => NolaOptions.Reads(config);

    /// <inheritdoc/>
    public override TrainedAdapter Create(string name, LanguageModel model, JsonObject config, CounterRandom random)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(config);
        JsonObject own = (JsonObject)config.DeepClone();
        own["peft_type"] ??= NolaOptions.Nola;
        AdapterConfig checkedConfig = new(own, "options");
        NolaOptions options = NolaOptions.Read(checkedConfig);
        NolaAdapter adapter = Build(name, model, checkedConfig, options, [], (key, length) =>
        {
            Tensor value = Storage.Zeros(new Shape(length));
            value.Span.Fill(options.IsVit ? 1f / length : 0f);
            return new Parameter(key, value);
        });
        Complete(adapter.Config, options, adapter);
        return adapter;
    }

    /// <inheritdoc/>
    public override TrainedAdapter Read(string name, LanguageModel model, AdapterFile file)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(file);
        NolaOptions options = NolaOptions.Read(file.Config);
        TrainedAdapter adapter = Build(name, model, file.Config, options, file.Warnings, (key, length) => CoefficientFile.Take(file, key, length, options));
        try
        {
            CheckBasis(file.Config, adapter);
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
        return adapter;
    }

    /// <summary>The basis of one factor of one weight.</summary>
    internal static NolaBasis Basis(NolaOptions options, LinearSite site, bool ofA)
    {
        CounterRandom root = new((ulong)options.Seed);
        CounterRandom random = root.Named(site.Name + (ofA ? ".A" : ".B"));
        int count = ofA ? options.BasisA : options.BasisB;
        Shape shape = ofA ? new Shape(options.Rank, site.Inputs) : new Shape(site.Outputs, options.Rank);
        if (options.IsVit)
        {
            return new SeededBasis(random, count, 1f / MathF.Sqrt(shape.Length), shape);
        }
        Tensor start = default;
        if (ofA)
        {
            start = Storage.Zeros(shape);
            float bound = 1f / MathF.Sqrt(site.Inputs);
            root.Named(site.Name + ".A0").FillUniform(start.Span, -bound, bound);
        }
        return new SeededBasis(random, count, 1f / MathF.Sqrt(count), shape, start);
    }

    private NolaAdapter Build(
        string name, LanguageModel model, AdapterConfig config, NolaOptions options, IList<string> warnings, Func<string, int, Parameter> make)
    {
        IReadOnlyList<LinearSite> sites = TargetSites.Linear(model, config, "NOLA", warnings);
        NolaAdapter adapter = new(name, model, this, (JsonObject)config.Json.DeepClone(), options)
        {
            AdaptedModules = [.. sites.Select(s => s.Name)],
            Warnings = [.. warnings],
            ExpectedParameterCount = (long)sites.Count * (options.BasisA + options.BasisB),
        };
        try
        {
            foreach (LinearSite site in sites)
            {
                string path = AdapterFile.Prefix + site.Name;
                Parameter alpha = make(path + ".nola_alpha", options.BasisA);
                Parameter beta = make(path + ".nola_beta", options.BasisB);
                adapter.Set(site, new NolaSite(alpha, beta, Basis(options, site, true), Basis(options, site, false), options.Scale));
                adapter.Store(alpha.Name, alpha);
                adapter.Store(beta.Name, beta);
            }
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
        return adapter;
    }

    /// <summary>Writes down what the function depends on, defaults included, and the first numbers of the first basis.</summary>
    private static void Complete(JsonObject config, NolaOptions options, TrainedAdapter adapter)
    {
        config["r"] ??= options.Rank;
        config["lora_alpha"] ??= options.IsVit ? 1 : 8;
        config["num_basis"] ??= options.BasisA;
        config["seed"] ??= options.Seed;
        config["form"] ??= options.IsVit ? "vit" : "llm";
        config["coefficient_type"] ??= "f32";
        config["random"] ??= NolaOptions.Random;
        config["expanded_numbers"] ??= ExpandedNumbers(adapter);
        config["basis_check"] ??= new JsonArray([.. FirstNumbers(adapter).Select(v => (JsonNode)v)]);
    }

    private static void CheckBasis(AdapterConfig config, TrainedAdapter adapter)
    {
        long numbers = ExpandedNumbers(adapter);
        if (config.Number("expanded_numbers", -1) != numbers)
        {
            throw config.Bad(
                $"expanded_numbers is {config.Json["expanded_numbers"]?.ToJsonString() ?? "missing"}, this base's layers make {numbers}: the file belongs to another base.");
        }
        double[] expected = FirstNumbers(adapter);
        if (config.Json["basis_check"] is not JsonArray stored || stored.Count != expected.Length)
        {
            throw config.Bad($"basis_check must hold the first {expected.Length} numbers of the first basis: without it nobody knows whether the seed still makes them.");
        }
        for (int i = 0; i < expected.Length; i++)
        {
            if (stored[i] is not { } number || config.Number("basis_check", number) != expected[i])
            {
                throw config.Bad(
                    $"basis_check number {i} is {stored[i]?.ToJsonString() ?? "null"}, seed and options make {expected[i]:R}: the file was made with another basis.");
            }
        }
    }

    /// <summary>How many numbers the expanded factors hold: coefficients alone would fit layers of any width.</summary>
    private static long ExpandedNumbers(TrainedAdapter adapter) =>
        adapter.Changes.Select(c => c.Change).OfType<NolaSite>().Sum(s => s.BasisA.Shape.Length + s.BasisB.Shape.Length);

    private static double[] FirstNumbers(TrainedAdapter adapter)
    {
        NolaSite? first = adapter.Changes.Select(c => c.Change).OfType<NolaSite>().FirstOrDefault();
        float[] numbers = new float[(int)Math.Min(10, first?.BasisA.Shape.Length ?? 0)];
        float[] all = new float[numbers.Length * (first?.BasisA.Count ?? 0)];
        first?.BasisA.Read(0, numbers.Length, all);
        all.AsSpan(0, numbers.Length).CopyTo(numbers);
        return [.. numbers.Select(n => (double)n)];
    }
}
