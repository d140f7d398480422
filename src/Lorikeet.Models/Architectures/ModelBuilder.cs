using System.Text.Json;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Makes a model's parts from its tensors and keeps the list of sites, in the order in which they are made: that of the modules.</summary>
internal sealed partial class ModelBuilder
{
    private readonly OwnedTensors source;
    private readonly WeightFormat? format;
    private readonly List<Site> sites = [];
    private readonly List<RotaryTable> rotary = [];
    private readonly string leftOut;
    private int layer = -1;

    /// <summary>Begins a model.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="source">The tensors.</param>
    /// <param name="architecture">What is built.</param>
    /// <param name="format">The format to keep matrices in; null: as the source gives them.</param>
    public ModelBuilder(ModelConfig config, OwnedTensors source, Architecture architecture, WeightFormat? format)
    {
        Config = config;
        this.source = source;
        this.format = format;
        using JsonDocument json = JsonDocument.Parse((config.Source ?? architecture.Defaults()).ToJsonString());
        Own = new JsonFields(json.RootElement.Clone(), "config.json");
        // A file of the base model alone names its tensors without the base's place in the whole model.
        string table = architecture.Table + ".weight";
        string prefix = table[..(table.IndexOf('.', StringComparison.Ordinal) + 1)];
        leftOut = !source.Has(table) && source.Has(table[prefix.Length..]) ? prefix : "";
    }

    /// <summary>The configuration.</summary>
    public ModelConfig Config { get; private set; }

    /// <summary>config.json: what no other architecture has is read where it is used.</summary>
    public JsonFields Own { get; }

    /// <summary>Shapes that may differ from block to block.</summary>
    public ITensorSource Source => source;

    /// <summary>The name under which a module's tensors are stored.</summary>
    /// <param name="name">The module's path.</param>
    public string Stored(string name) => leftOut.Length > 0 && name.StartsWith(leftOut, StringComparison.Ordinal) ? name[leftOut.Length..] : name;

    /// <summary>A table of tokens.</summary>
    /// <param name="name">The module's path.</param>
    /// <param name="width">Its width; 0: the hidden size.</param>
    public EmbeddingSite Embedding(string name, int width = 0) =>
        Table(name, Config.VocabularySize, width == 0 ? Config.HiddenSize : width, Config.TieEmbeddings ? MatrixRole.Head : MatrixRole.Table);

    /// <summary>A table of any kind.</summary>
    /// <param name="name">The module's path.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="width">Its width.</param>
    /// <param name="role">What it is.</param>
    public EmbeddingSite Table(string name, int rows, int width, MatrixRole role = MatrixRole.Other) =>
        Add(new EmbeddingSite(name, Matrix(name, rows, width, role)) { StoredName = Stored(name) });

    /// <summary>An RMSNorm.</summary>
    /// <param name="name">The module's path.</param>
    /// <param name="width">Its width; 0: the hidden size.</param>
    /// <param name="offset">What is added to the stored scale: 1 in Gemma.</param>
    public NormSite RmsNorm(string name, int width = 0, float offset = 0f) =>
        Add(new NormSite(name, layer, Scale(name, width), null, Config.NormEps) { StoredName = Stored(name), Offset = offset });

    /// <summary>A LayerNorm.</summary>
    /// <param name="name">The module's path.</param>
    /// <param name="width">Its width; 0: the hidden size.</param>
    /// <param name="bias">Whether it has a shift.</param>
    public NormSite LayerNorm(string name, int width = 0, bool bias = true)
    {
        Parameter scale = Scale(name, width);
        return Add(new NormSite(name, layer, scale, bias ? Bias(name, scale.Value.Width) : null, Config.NormEps, layerNorm: true) { StoredName = Stored(name) });
    }

    /// <summary>A LayerNorm of each head without a shift, with a scale [heads, headDim].</summary>
    /// <param name="name">The module's path.</param>
    /// <param name="heads">The heads.</param>
    public NormSite HeadNorm(string name, int heads) => Add(
        new NormSite(name, layer, source.Vector(Stored(name) + ".weight", heads, Config.HeadDim), null, Config.NormEps, layerNorm: true)
        {
            StoredName = Stored(name),
            Parts = heads,
        });

    /// <summary>A linear layer.</summary>
    /// <param name="name">The module's path.</param>
    /// <param name="outputs">Its outputs.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="bias">Whether it has a bias.</param>
    /// <param name="stored">The path under which the file has it, where that is another.</param>
    public LinearSite Dense(string name, int outputs, int inputs, bool bias = false, string? stored = null)
    {
        stored = Stored(stored ?? name);
        return Add(new LinearSite(name, layer, Matrix(stored, outputs, inputs, MatrixRole.Linear), bias ? Bias(stored, outputs) : null) { StoredName = stored });
    }

    /// <summary>A linear layer with a bias.</summary>
    /// <param name="name">The module's path.</param>
    /// <param name="outputs">Its outputs.</param>
    /// <param name="inputs">Its inputs.</param>
    public LinearSite Biased(string name, int outputs, int inputs) => Dense(name, outputs, inputs, bias: true);

    /// <summary>A linear layer whose matrix the file stores as [inputs, outputs], with a bias: GPT-2's Conv1D.</summary>
    /// <param name="name">The module's path.</param>
    /// <param name="outputs">Its outputs.</param>
    /// <param name="inputs">Its inputs.</param>
    public LinearSite Conv1D(string name, int outputs, int inputs) => Add(new LinearSite(
        name, layer, Matrix(name, outputs, inputs, MatrixRole.Linear, transposed: true), Bias(name, outputs))
    { StoredName = Stored(name), Transposed = true });

    /// <summary>The output of a block's mixer or feed-forward.</summary>
    /// <param name="name">The module's path.</param>
    public OutputSite Output(string name) => Add(new OutputSite(name, layer, Config.HiddenSize));

    /// <summary>The output head; the token table where the configuration ties them.</summary>
    /// <param name="name">The module's path.</param>
    /// <param name="table">The token table.</param>
    /// <param name="bias">Whether it has a bias.</param>
    public Projection Head(string name, EmbeddingSite table, bool bias = false)
    {
        // A file may hold a head of its own although its configuration calls it tied: both are used then.
        bool tied = Config.TieEmbeddings && !source.Differ(Stored(name) + ".weight", table.StoredName + ".weight");
        Config = Config with { TieEmbeddings = tied };
        Weight weight = tied ? table.Weight : Matrix(name, table.Weight.Outputs, table.Weight.Inputs, MatrixRole.Head);
        return new Projection(Add(
            new LinearSite(name, -1, weight, bias ? Bias(name, weight.Outputs) : null, isHead: true) { Tied = tied, StoredName = Stored(name) }));
    }

    /// <summary>A table of rotary angles by the configuration's settings.</summary>
    /// <param name="interleaved">Pairs are (2i, 2i + 1) instead of (i, i + d/2).</param>
    /// <param name="settings">Other settings than the configuration's, or null.</param>
    public RotaryTable Rotary(bool interleaved = false, RopeSettings? settings = null)
    {
        RotaryTable table = new(Config.RotaryWidth, settings ?? Config.Rope, interleaved);
        rotary.Add(table);
        return table;
    }

    /// <summary>Heads, scale and window of the present block's attention.</summary>
    /// <param name="scale">The factor of scores; null: headDim^-0.5.</param>
    /// <param name="shape">The block's own numbers of heads, or null.</param>
    public AttentionShape Heads(float? scale = null, LayerShape? shape = null) => new(
        shape?.Heads ?? Config.Heads, shape?.KeyHeads ?? Config.KeyHeads, Config.HeadDim, scale ?? 1f / MathF.Sqrt(Config.HeadDim), Config.Window(layer));

    /// <summary>Makes the blocks in order.</summary>
    /// <param name="make">Makes one of a number.</param>
    public Block[] Blocks(Func<int, Block> make)
    {
        Block[] blocks = new Block[Config.Layers];
        for (layer = 0; layer < blocks.Length; layer++)
        {
            blocks[layer] = make(layer);
        }
        layer = -1;
        return blocks;
    }

    /// <summary>The model.</summary>
    /// <param name="parts">Its parts; sites and rotation tables are added.</param>
    public LanguageModel Model(ModelParts parts) => new(Config, parts with { Sites = [.. sites], Rotary = [.. rotary] });

    private Weight Matrix(string name, int outputs, int inputs, MatrixRole role, bool transposed = false)
    {
        string tensor = Stored(name) + ".weight";
        Weight weight = transposed ? source.Transposed(tensor, outputs, inputs) : source.Matrix(tensor, outputs, inputs);
        return format is null ? weight : source.Convert(tensor, weight, format, role);
    }

    private T Add<T>(T site)
        where T : Site
    {
        sites.Add(site);
        return site;
    }

    private Parameter Scale(string name, int width) => source.Vector(Stored(name) + ".weight", width == 0 ? Config.HiddenSize : width);

    private Parameter Bias(string name, int width) => source.Vector(Stored(name) + ".bias", width);
}
