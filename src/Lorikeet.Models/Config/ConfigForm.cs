using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>What config.json of a model_type calls the numbers that all models share, and what stands for those it leaves out.</summary>
/// <remarks>Names and defaults are those of the configuration classes in Transformers; a missing key means its own class's value, not Llama's.</remarks>
internal sealed record ConfigForm
{
    private const int MostWidth = 1 << 20;
    private const int MostLayers = 10_000;

    // Tables of learned positions have a few rows more.
    private const int MostPositions = int.MaxValue - 8;

    /// <summary>The key of the hidden size.</summary>
    public string Hidden { get; init; } = "hidden_size";

    /// <summary>The key of the feed-forward's width; null: it is always <see cref="IntermediateTimes"/> the hidden size.</summary>
    public string? Intermediate { get; init; } = "intermediate_size";

    /// <summary>Where no width is given it is this many times the hidden size; 0: it must be given.</summary>
    public int IntermediateTimes { get; init; }

    /// <summary>The key of the number of blocks.</summary>
    public string Layers { get; init; } = "num_hidden_layers";

    /// <summary>The key of the number of query heads.</summary>
    public string Heads { get; init; } = "num_attention_heads";

    /// <summary>The key of the number of key heads; null: as many as query heads, unless the architecture says otherwise.</summary>
    public string? KeyHeads { get; init; } = "num_key_value_heads";

    /// <summary>Key heads where the key is missing; null: as many as query heads.</summary>
    public int? DefaultKeyHeads { get; init; }

    /// <summary>The key of a head's size; null: hidden / heads.</summary>
    public string? HeadDim { get; init; }

    /// <summary>A head's size where none is given; null: hidden / heads.</summary>
    public int? DefaultHeadDim { get; init; }

    /// <summary>The key of the longest sequence; null: none is said.</summary>
    public string? Positions { get; init; } = "max_position_embeddings";

    /// <summary>The longest sequence where none is given.</summary>
    public int DefaultPositions { get; init; } = 2048;

    /// <summary>The key of what norms add to the mean square or variance; null: <see cref="DefaultNormEps"/>.</summary>
    public string? NormEps { get; init; } = "layer_norm_eps";

    /// <summary>Its default.</summary>
    public double DefaultNormEps { get; init; } = 1e-5;

    /// <summary>The key of the feed-forward's activation; null: <see cref="DefaultActivation"/>.</summary>
    public string? Activation { get; init; } = "hidden_act";

    /// <summary>Its default.</summary>
    public string DefaultActivation { get; init; } = "silu";

    /// <summary>The key that gives q, k, v and o biases; null: they have none, unless the architecture says otherwise.</summary>
    public string? AttentionBias { get; init; }

    /// <summary>The key that gives the feed-forward's layers biases; null: as above.</summary>
    public string? MlpBias { get; init; }

    /// <summary>Whether the head is the token table where nothing is said.</summary>
    public bool Tied { get; init; }

    /// <summary>The model has rotary positions, with their settings under the usual keys.</summary>
    public bool Rope { get; init; } = true;

    /// <summary>The base of the rotary angles where none is given.</summary>
    public double Theta { get; init; } = 10_000;

    /// <summary>An older key of that base, or null.</summary>
    public string? ThetaKey { get; init; }

    /// <summary>The share of a head that is rotated where none is given; null: heads are rotated whole, and a share is refused.</summary>
    public double? RotaryShare { get; init; }

    /// <summary>An older key of that share.</summary>
    public string RotaryShareKey { get; init; } = "partial_rotary_factor";

    /// <summary>Reads the shared numbers.</summary>
    /// <param name="json">config.json.</param>
    /// <exception cref="BadFileException">A number makes no sense.</exception>
    /// <exception cref="NotSupportedException">An option is not built; the message names it.</exception>
    public ModelConfig Read(JsonFields json)
    {
        ConfigForm own = Resolved(json.Has);
        return own == this ? ReadAll(json) : own.ReadAll(json);
    }

    private ModelConfig ReadAll(JsonFields json)
    {
        int hidden = json.Integer(Hidden, 1, MostWidth);
        int layers = json.Integer(Layers, 1, MostLayers);
        int heads = json.Integer(Heads, 1, MostWidth);
        // A key that is there but null means as many key heads as query heads, whatever the class default.
        int keys = KeyHeads is null ? heads : json.Integer(KeyHeads, 1, MostWidth, json.Names(KeyHeads) ? heads : DefaultKeyHeads ?? heads);
        int dim = ReadHeadDim(json, hidden, heads);
        KnownQuantisation(json);
        int positions = Positions is null ? DefaultPositions : json.Integer(Positions, 1, MostPositions, DefaultPositions);
        RopeSettings rope = Rope ? RopeFields.Read(json, positions, ThetaKey is null ? Theta : json.Number(ThetaKey, 1e-6, 1e12, Theta)) : new RopeSettings();
        ModelConfig config = new()
        {
            ModelType = json.Text("model_type", "llama"),
            HiddenSize = hidden,
            IntermediateSize = ReadIntermediate(json, hidden),
            Layers = layers,
            Heads = heads,
            KeyHeads = heads,
            HeadDim = dim,
            RotaryDim = Rope ? ReadRotaryDim(json, dim) : 0,
            VocabularySize = json.Integer("vocab_size", 1, 16 * MostWidth),
            MaxPositions = positions,
            NormEps = NormEps is null ? (float)DefaultNormEps : (float)json.Number(NormEps, 0, 1, DefaultNormEps),
            Activation = ActivationNames.Read(json, Activation ?? "", DefaultActivation),
            Rope = rope,
            AttentionBias = AttentionBias is not null && json.Flag(AttentionBias, false),
            OutputBias = AttentionBias is not null && json.Flag(AttentionBias, false),
            MlpBias = MlpBias is not null && json.Flag(MlpBias, false),
            TieEmbeddings = json.Flag("tie_word_embeddings", Tied),
            PerLayerShapes = json.Flag("per_layer_shapes", false),
        };
        if (rope.Kind == RopeKind.Dynamic && config.RotaryWidth == 2)
        {
            throw new BadFileException($"{json.Path}: a head has 2 rotated elements; dynamic rope scaling needs at least 4.");
        }
        if (rope.Kind == RopeKind.LongRope && (rope.ShortFactors.Count != config.RotaryWidth / 2 || rope.LongFactors.Count != config.RotaryWidth / 2))
        {
            throw new BadFileException(
                $"{json.Path}: longrope has {rope.ShortFactors.Count} short and {rope.LongFactors.Count} long factors; expected {config.RotaryWidth / 2} of each, one a pair of rotated elements.");
        }
        return WithKeyHeads(json, config, keys);
    }

    /// <summary>The configuration with another number of key heads, for an architecture that derives it.</summary>
    /// <param name="json">config.json, for messages.</param>
    /// <param name="config">The configuration.</param>
    /// <param name="keys">Key heads.</param>
    /// <exception cref="BadFileException">They do not divide the query heads.</exception>
    public ModelConfig WithKeyHeads(JsonFields json, ModelConfig config, int keys)
    {
        string found = $"{json.Path}: {config.Heads} {Heads} over {keys} {KeyHeads ?? "heads of keys and values"}";
        return keys < 1 || config.Heads % keys != 0
            ? throw new BadFileException($"{found}; expected a whole number of heads for each.")
            : config.Heads / keys > AttentionShape.MostGroup
                ? throw new BadFileException($"{found}; expected at most {AttentionShape.MostGroup} to one.")
                : config with { KeyHeads = keys };
    }

    /// <summary>Writes the shared numbers; what the form has no key for stays unsaid.</summary>
    /// <param name="json">Receives them.</param>
    /// <param name="config">The configuration.</param>
    public void Write(JsonObject json, ModelConfig config) => Resolved(json.ContainsKey).WriteAll(json, config);

    private void WriteAll(JsonObject json, ModelConfig config)
    {
        Set(Hidden, config.HiddenSize);
        Set(Intermediate, config.IntermediateSize);
        Set(Layers, config.Layers);
        Set(Heads, config.Heads);
        Set(KeyHeads, config.KeyHeads);
        Set(HeadDim, config.HeadDim);
        Set("vocab_size", config.VocabularySize);
        Set(Positions, config.MaxPositions);
        Set(NormEps, double.Parse(config.NormEps.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture));
        Set("tie_word_embeddings", config.TieEmbeddings);
        if (Activation is not null && (json[Activation]?.ToString() is not { } written || ActivationNames.Find(written) != config.Activation))
        {
            json[Activation] = ActivationNames.Of(config.Activation);
        }

        void Set(string? key, JsonNode value)
        {
            if (key is not null)
            {
                json[key] = value;
            }
        }
    }

    /// <summary>Writes which share of a head is rotated, in the older form, where the form can say it.</summary>
    /// <param name="json">Receives it.</param>
    /// <param name="config">The configuration.</param>
    public void WriteRotaryShare(JsonObject json, ModelConfig config)
    {
        if (RotaryShare is not null)
        {
            json.Remove("rope_parameters");
            json[RotaryShareKey] = (double)config.RotaryWidth / config.HeadDim;
        }
    }

    /// <summary>The form with the keys a file uses: classes with names of their own take the common ones too.</summary>
    private ConfigForm Resolved(Func<string, bool> has)
    {
        return this with
        {
            Hidden = Key(Hidden, "hidden_size")!,
            Intermediate = Key(Intermediate, "intermediate_size"),
            Layers = Key(Layers, "num_hidden_layers")!,
            Heads = Key(Heads, "num_attention_heads")!,
            Positions = Key(Positions, "max_position_embeddings"),
        };

        string? Key(string? own, string common) => own is not null && !has(own) && has(common) ? common : own;
    }

    private int ReadHeadDim(JsonFields json, int hidden, int heads)
    {
        bool given = HeadDim is not null && json.Has(HeadDim);
        if (!given && DefaultHeadDim is null && hidden % heads != 0)
        {
            throw new BadFileException($"{json.Path}: {Hidden} {hidden} over {heads} {Heads}; expected a whole number{(HeadDim is null ? "" : ", or " + HeadDim)}.");
        }
        int derived = DefaultHeadDim ?? hidden / heads;
        int dim = HeadDim is null ? derived : json.Integer(HeadDim, 1, AttentionShape.MostHeadDim, derived);
        if (dim > AttentionShape.MostHeadDim || (Rope && (dim < 2 || dim % 2 != 0)))
        {
            throw new BadFileException(
                $"{json.Path}: a head has {dim} elements; expected {(Rope ? "an even number from 2" : "from 1")} to {AttentionShape.MostHeadDim}.");
        }
        return (long)heads * dim > 8 * MostWidth
            ? throw new BadFileException($"{json.Path}: {heads} heads of {dim} elements; expected at most {8 * MostWidth} in all.")
            : dim;
    }

    private int ReadIntermediate(JsonFields json, int hidden) =>
        Intermediate is null ? IntermediateTimes * hidden
        : IntermediateTimes > 0 ? json.Integer(Intermediate, 1, 16 * MostWidth, IntermediateTimes * hidden)
        : json.Integer(Intermediate, 1, 16 * MostWidth);

    private int ReadRotaryDim(JsonFields json, int dim)
    {
        double share = RopeFields.Share(json, RotaryShare is null ? null : RotaryShareKey, RotaryShare ?? 1);
        if (share == 1)
        {
            return 0;
        }
        if (RotaryShare is null)
        {
            throw new NotSupportedException($"{json.Path}: partial_rotary_factor {share} is not built for this model_type: it rotates whole heads");
        }
        int rotary = (int)(dim * share);
        return rotary >= 2 && rotary % 2 == 0
            ? rotary
            : throw new BadFileException($"{json.Path}: {share} of a head of {dim} elements is rotated, that is {rotary}; expected an even number from 2.");
    }

    // Which matrices are quantised is said by their tensors; the configuration decides only whether their format is known.
    private static void KnownQuantisation(JsonFields json)
    {
        if (json.Find("quantization_config") is not { } quantised)
        {
            return;
        }
        JsonFields? fields = quantised.ValueKind == JsonValueKind.Object ? new JsonFields(quantised, json.Path) : null;
        string method = fields?.Text("quant_method", "of unknown name") ?? "of unknown name";
        if (method != "bitsandbytes")
        {
            throw new NotSupportedException(
                $"{json.Path}: quantization_config: the method {BadFileException.Short(method)} is not built yet: this version loads f32, bf16, f16 and bitsandbytes' four bits");
        }
        if (fields!.Flag("load_in_8bit", false))
        {
            throw new NotSupportedException($"{json.Path}: quantization_config: bitsandbytes' 8 bits (LLM.int8) are not built yet: its four bits are");
        }
    }
}
