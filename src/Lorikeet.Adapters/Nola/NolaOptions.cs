using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Adapters;

/// <summary>How NOLA's coefficients are stored.</summary>
internal enum CoefficientType
{
    F32,
    F16,
    Int8,
    Int4,
}

/// <summary>What a NOLA configuration says.</summary>
/// <param name="Rank">r.</param>
/// <param name="BasisA">k.</param>
/// <param name="BasisB">l.</param>
/// <param name="Scale">lora_alpha / r.</param>
/// <param name="Seed">The master seed.</param>
/// <param name="IsVit">The form of the authors' vision code.</param>
/// <param name="Stored">How coefficients are stored.</param>
internal sealed record NolaOptions(int Rank, int BasisA, int BasisB, float Scale, int Seed, bool IsVit, CoefficientType Stored)
{
    public const string Nola = "NOLA";

    /// <summary>The generator and the version of the streams' names; a file of another one is refused.</summary>
    public const string Random = "philox4x32-10/1";

    public static IReadOnlyList<MethodOption> All { get; } =
    [
        new("r", "8", "rank of the change; costs no stored numbers"),
        new("lora_alpha", "8 (form vit: 1)", "numerator of the scale lora_alpha / r"),
        new("num_basis", "128", "random matrices for A, one trained coefficient each"),
        new("num_basis_b", "null", "random matrices for B; null: num_basis"),
        new("seed", "0", "which random matrices; adapters of one seed share them and expand together"),
        new("form", "\"llm\"", "llm: A0 ~ U(+-1/sqrt(inputs)), coefficients start at 0, the change at exactly 0; vit: no A0, coefficients start at 1/num_basis and 1/num_basis_b, the change is small but not 0"),
        new("coefficient_type", "\"f32\"", "how coefficients are stored: f32, f16, int8 or int4 (one scale a vector)"),
        new("target_modules", "null", "which modules: suffixes, one regular expression, \"all-linear\", or null for the architecture's own"),
        new("exclude_modules", "null", "which modules not: suffixes or one regular expression"),
        new("layers_to_transform", "null", "numbers of the layers to adapt"),
        new("layers_pattern", "null", "what stands before the layer's number in a path"),
    ];

    public static bool Reads(JsonObject config) =>
        config["peft_type"] is JsonValue value && value.GetValueKind() == JsonValueKind.String && value.GetValue<string>() == Nola;

    public static NolaOptions Read(AdapterConfig config)
    {
        int rank = config.Integer("r", 8, 1, 4096);
        bool vit = config.Text("form") switch
        {
            null or "llm" => false,
            "vit" => true,
            string other => throw config.Bad($"form must be \"llm\" or \"vit\", found \"{other}\"."),
        };
        CoefficientType stored = config.Text("coefficient_type") switch
        {
            null or "f32" => CoefficientType.F32,
            "f16" => CoefficientType.F16,
            "int8" => CoefficientType.Int8,
            "int4" => CoefficientType.Int4,
            string other => throw config.Bad($"coefficient_type must be \"f32\", \"f16\", \"int8\" or \"int4\", found \"{other}\"."),
        };
        if (config.Text("random") is { } random && random != Random)
        {
            throw config.Unsupported($"random '{random}' is not built: this version makes {Random}");
        }
        int basisA = config.Integer("num_basis", 128, 1, 65536);
        return new NolaOptions(
            rank,
            basisA,
            config.Integer("num_basis_b", basisA, 1, 65536),
            (float)(config.Number("lora_alpha", vit ? 1 : 8) / rank),
            config.Integer("seed", 0, 0),
            vit,
            stored);
    }

    public StoredType StoredType => Stored switch
    {
        CoefficientType.F32 => StoredType.F32,
        CoefficientType.F16 => StoredType.F16,
        CoefficientType.Int8 => StoredType.I8,
        _ => StoredType.U8,
    };

    /// <summary>Bits of an integer code; 0 where coefficients are stored as floats.</summary>
    public int CodeBits => Stored switch { CoefficientType.Int8 => 8, CoefficientType.Int4 => 4, _ => 0 };
}
