using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Adapters;

/// <summary>How a fresh pair of factors starts.</summary>
internal enum LoraStartKind
{
    /// <summary>A uniform, B zero.</summary>
    Uniform,

    /// <summary>A normal, B zero.</summary>
    Gaussian,

    /// <summary>A and B from two halves of an orthogonal matrix: B A = 0.</summary>
    Orthogonal,

    /// <summary>A and B uniform, for tests of kernels.</summary>
    Random,

    /// <summary>A and B take over the largest singular components of W: PiSSA.</summary>
    Principal,

    /// <summary>A and B take over the first columns and rows of W = Q R: OLoRA.</summary>
    Orthonormal,

    /// <summary>A start that needs data or the base's singular vectors; files that have it are plain LoRA.</summary>
    Foreign,
}

/// <summary>LoraConfig, checked.</summary>
internal sealed class LoraSettings
{
    private const string FastPissa = "pissa_niter_";

    public LoraSettings(AdapterConfig config, string modelType)
    {
        Config = config;
        Warnings = [.. LoraOptions.Check(config)];
        Rank = config.Integer("r", 8, 1);
        Alpha = config.Number("lora_alpha", 8);
        double dropout = config.Number("lora_dropout", 0);
        Dropout = dropout is >= 0 and < 1 ? (float)dropout : throw config.Bad($"lora_dropout must be from 0 up to, but not, 1, found {dropout}.");
        RsLora = config.Flag("use_rslora");
        Dora = config.Flag("use_dora");
        FactorBias = config.Flag("lora_bias");
        EnsureTying = config.Flag("ensure_weight_tying");
        Pooled = config.Flag("use_qalora");
        Bias = config.Text("bias") ?? "none";
        if (Bias is not ("none" or "lora_only" or "all"))
        {
            throw config.Bad($"bias must be none, lora_only or all, found '{Bias}'.");
        }
        if (Dora && FactorBias)
        {
            throw config.Bad("use_dora and lora_bias cannot be used together; expected one of them.");
        }
        Start = ReadStart();
        Converts = config.Flag(LoraOptions.Convert, absent: true);
        if (TakesOver && Dora)
        {
            throw config.Unsupported($"use_dora with init_lora_weights '{config.Text("init_lora_weights")}' is not built yet: use one of them");
        }
        Matcher = new ModuleMatcher(config, modelType, Rank, Alpha);
        Tokens = ReadTokens();
    }

    public AdapterConfig Config { get; }

    public List<string> Warnings { get; }

    public int Rank { get; }

    public double Alpha { get; }

    public float Dropout { get; }

    public bool RsLora { get; }

    public bool Dora { get; }

    public bool FactorBias { get; }

    public bool EnsureTying { get; }

    /// <summary>use_qalora: without effect unless lora_A is pooled, which is refused.</summary>
    public bool Pooled { get; }

    public string Bias { get; }

    public LoraStartKind Start { get; }

    /// <summary>True where A and B take over a part of the weight, which is subtracted from then on.</summary>
    public bool TakesOver => Start is LoraStartKind.Principal or LoraStartKind.Orthonormal;

    /// <summary>Iterations of the fast decomposition (pissa_niter_N); null: the exact one.</summary>
    public int? Iterations { get; private set; }

    /// <summary>What takes over a part of the weight is saved as a plain LoRA of rank 2 r on the original weights.</summary>
    public bool Converts { get; }

    /// <summary>MiCA trains A alone.</summary>
    public bool FreezesB { get; private set; }

    public ModuleMatcher Matcher { get; }

    /// <summary>Suffix of the module (empty: the input embedding) and its token rows.</summary>
    public IReadOnlyList<(string Module, int[] Tokens)> Tokens { get; }

    public float Scale(MatchedModule module) => (float)(module.Alpha / (RsLora ? Math.Sqrt(module.Rank) : module.Rank));

    private LoraStartKind ReadStart()
    {
        JsonNode? node = Config.Json["init_lora_weights"];
        if (node is null || node.GetValueKind() == JsonValueKind.True)
        {
            return LoraStartKind.Uniform;
        }
        if (node.GetValueKind() == JsonValueKind.False)
        {
            return LoraStartKind.Random;
        }
        string name = Config.Text("init_lora_weights")!;
        switch (name.ToLowerInvariant())
        {
            case "gaussian":
                return LoraStartKind.Gaussian;
            case "orthogonal":
                return LoraStartKind.Orthogonal;
            case "eva":
                return LoraStartKind.Foreign;
            case "mica":
                FreezesB = true;
                return LoraStartKind.Foreign;
            case "loftq":
                throw Raw("the adapter belongs to a LoftQ-quantised base, which must be quantised first");
            case "corda":
                throw Raw("CorDA changes the base from calibration data that is not in the file");
            case "lora_ga":
                throw Raw("LoRA-GA changes the base from gradients that are not in the file");
            case "pissa":
                return LoraStartKind.Principal;
            case "olora":
                return LoraStartKind.Orthonormal;
            case string pissa when pissa.StartsWith(FastPissa, StringComparison.Ordinal):
                Iterations = int.TryParse(pissa.AsSpan(FastPissa.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count <= 1000
                    ? count
                    : throw Config.Bad($"init_lora_weights '{name}' must end in a number of iterations from 0 to 1000, for example pissa_niter_16.");
                return LoraStartKind.Principal;
            default:
                throw Config.Bad($"init_lora_weights '{name}' is not known; expected true, false, gaussian, orthogonal, pissa, pissa_niter_N, olora, eva or mica.");
        }

        NotSupportedException Raw(string why) => RawStart(why);
    }

    /// <summary>The refusal of a file whose start cannot be made again.</summary>
    public NotSupportedException RawStart(string why) => Config.Unsupported(
        $"init_lora_weights '{Config.Text("init_lora_weights")}' as it was trained: {why}; save it with path_initial_model_for_weight_conversion, which makes it a plain LoRA");

    private List<(string Module, int[] Tokens)> ReadTokens()
    {
        JsonNode? node = Config.Json["trainable_token_indices"];
        List<(string Module, int[] Tokens)> all = [];
        if (node is JsonArray)
        {
            all.Add(("", Indices(Config)));
        }
        else if (node is not null)
        {
            foreach ((string module, _) in Config.Entries("trainable_token_indices"))
            {
                AdapterConfig inner = new((JsonObject)node, Config.Source);
                all.Add((module, Indices(inner, module)));
            }
        }
        return all;
    }

    private int[] Indices(AdapterConfig from, string key = "trainable_token_indices")
    {
        int[] tokens = [.. from.Integers(key) ?? []];
        return tokens.Length == 0 || tokens.Distinct().Count() != tokens.Length
            ? throw Config.Bad("trainable_token_indices must be token ids, each once, at least one.")
            : tokens;
    }
}
