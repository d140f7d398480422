using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Contract;

/// <summary>One method in one setting, and what it promises.</summary>
/// <param name="Name">The row's name.</param>
/// <param name="Method">The method's name.</param>
/// <param name="Config">Its options as JSON.</param>
/// <param name="Count">Trained numbers for one layer: outputs, inputs, has a bias.</param>
/// <param name="StartError">How far the fresh adapter may be from the base: 0 is bit for bit, null no promise.</param>
/// <param name="Derivative">False where the gradient leaves something constant on purpose (DoRA's norm).</param>
/// <param name="Unreached">Parameters that get no gradient in the first step, by the end of their names.</param>
public sealed record MethodRow(
    string Name, string Method, string Config, Func<int, int, bool, long> Count, double? StartError = 0, bool Derivative = true, string[]? Unreached = null)
{
    /// <summary>All rows; a new method is one line.</summary>
    public static IReadOnlyList<MethodRow> All { get; } =
    [
        new("lora", "lora", """{"r": 4, "lora_alpha": 8}""", (o, i, _) => 4L * (o + i)),
        new("lora-rs-r1", "lora", """{"r": 1, "lora_alpha": 3, "use_rslora": true}""", (o, i, _) => o + i),
        new("lora-bias", "lora", """{"r": 3, "bias": "lora_only"}""", (o, i, b) => (3L * (o + i)) + (b ? o : 0)),
        new("lora-factor-bias", "lora", """{"r": 3, "lora_bias": true}""", (o, i, _) => (3L * (o + i)) + o),
        new("pissa", "lora", """{"r": 4, "lora_alpha": 6, "init_lora_weights": "pissa"}""", (o, i, _) => 4L * (o + i), 2e-6),
        new("pissa-fast-raw", "lora", """{"r": 3, "init_lora_weights": "pissa_niter_4", "convert_to_lora": false}""", (o, i, _) => 3L * (o + i), 2e-6),
        new("olora", "lora", """{"r": 2, "use_rslora": true, "init_lora_weights": "olora"}""", (o, i, _) => 2L * (o + i), 2e-6),
        new("dora", "dora", """{"r": 4, "lora_alpha": 8}""", (o, i, _) => (4L * (o + i)) + o, 1e-6, Derivative: false),
        new("flora-r1", "flora", """{"r": 1}""", (o, i, _) => o + i),
        new("flora-mean", "flora", """{"r": 4}""", (o, i, _) => 4L * (o + i), 2e-6),
        new("flora-sum", "flora", """{"r": 2, "reduction": "sum"}""", (o, i, _) => 2L * (o + i), 2e-6),
        new("flora-residual", "flora", """{"r": 3, "mode": "residual", "scale": 0.5}""", (o, i, _) => 3L * (o + i)),
        new("hira", "flora", """{"peft_type": "HIRA", "r": 3}""", (o, i, _) => 3L * (o + i)),
        new("nola", "nola", """{"r": 4, "num_basis": 10, "num_basis_b": 7, "lora_alpha": 8}""", (_, _, _) => 17),
        new("nola-f16", "nola", """{"r": 2, "num_basis": 6, "coefficient_type": "f16"}""", (_, _, _) => 12),
        new("nola-int8", "nola", """{"r": 2, "num_basis": 6, "coefficient_type": "int8"}""", (_, _, _) => 12),
        new("nola-int4", "nola", """{"r": 2, "num_basis": 7, "coefficient_type": "int4"}""", (_, _, _) => 14),
        new("nola-vit", "nola", """{"r": 4, "num_basis": 5, "form": "vit"}""", (_, _, _) => 10, null),
    ];

    public static TheoryData<string> Names => [.. All.Select(r => r.Name)];

    public static MethodRow Of(string name) => All.Single(r => r.Name == name);

    public TrainedAdapter Create(LanguageModel model, string targets = "\"all-linear\"", ulong seed = 1)
    {
        JsonObject config = JsonNode.Parse(Config)!.AsObject();
        config["target_modules"] = JsonNode.Parse(targets);
        return AdapterMethods.Find(Method).Create(Name, model, config, new CounterRandom(seed));
    }

    /// <summary>As <see cref="Create"/>, away from its start; coefficients as their file keeps them.</summary>
    public TrainedAdapter CreateShaken(LanguageModel model, string targets = "\"all-linear\"", ulong seed = 1)
    {
        TrainedAdapter adapter = Create(model, targets, seed);
        Bench.Shake(adapter, seed + 100);
        return adapter;
    }

    public override string ToString() => Name;
}
