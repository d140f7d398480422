using System.Globalization;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Makes the model and the tokenizer of a run.</summary>
internal static class RunModel
{
    private const string EndOfText = "<|endoftext|>";

    /// <summary>The tokenizer: by name, trained on the data, from the folder of a run that is resumed, or the model's own.</summary>
    public static Tokenizer Tokenizer(RunSettings settings, bool resumed)
    {
        string? name = settings.Tokenizer ?? (settings.Shape is null ? null : "byte");
        if (name is null)
        {
            return Models.Text.Tokenizer.Load(ModelLocation.Resolve(settings.Model));
        }
        if (name == "byte")
        {
            return new ByteTokenizer();
        }
        if (!name.StartsWith("bpe:", StringComparison.Ordinal))
        {
            return Models.Text.Tokenizer.Load(name);
        }
        if (resumed)
        {
            return Models.Text.Tokenizer.Load(settings.Out);
        }
        if (settings.Shape is null)
        {
            throw new ArgumentException($"tokenizer {name}: a tokenizer is trained with a new model only; a model that exists has its own");
        }
        if (!int.TryParse(name[4..], NumberStyles.None, CultureInfo.InvariantCulture, out int size) || size is < 258 or > 1 << 20)
        {
            throw new ArgumentException($"tokenizer {name} is not byte, a folder, or bpe:N with N from 258 to 1048576");
        }
        IEnumerable<string> texts = settings.Data.SelectMany(path => DataFile.Read(path, settings.Fields)).SelectMany(r => r.Parts).Select(p => p.Text);
        return BpeTrainer.Train(texts, new BpeTrainerOptions { VocabularySize = size, SpecialTokens = [EndOfText], EosToken = EndOfText });
    }

    /// <summary>The chat template that came with a tokenizer, or null.</summary>
    public static ChatTemplate? Template(Tokenizer tokenizer)
    {
        ChatTemplateSet set = ChatTemplateSet.Of(tokenizer);
        return set.Names.Count > 0 ? set.Choose() : null;
    }

    /// <summary>The model: loaded, or new with random weights; trainable where all weights are trained.</summary>
    public static LanguageModel Model(RunSettings settings, Tokenizer tokenizer)
    {
        LanguageModel model = settings.Shape is { } shape
            ? ModelLoader.Create(Config(settings, shape, tokenizer), new CounterRandom((ulong)settings.Seed).Named("start"))
            : ModelLoader.Load(settings.Model, new ModelLoadOptions { ConvertTo = settings.Weights is { } name ? WeightFormat.Find(name) : null });
        try
        {
            if (tokenizer.VocabularySize > model.Config.VocabularySize)
            {
                throw new BadFileException($"the tokenizer has {tokenizer.VocabularySize} tokens, the model {model.Config.VocabularySize}; they do not belong together.");
            }
            if (settings.Context > model.Config.MaxPositions)
            {
                throw new ArgumentException($"context {settings.Context} is more than the {model.Config.MaxPositions} positions that the model was made for");
            }
            if (settings.Method == "full")
            {
                settings.Shape?.Weights?.Apply(model, new CounterRandom((ulong)settings.Seed).Named("start"));
                model.MakeTrainable(halves: settings.TrainType == "bf16");
            }
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The format in which a model's weights are saved; null: as the configuration says.</summary>
    public static ElementType? SaveType(RunSettings settings) => settings.SaveAs switch
    {
        null => settings.Shape is null ? null : ElementType.BF16,
        "f32" => ElementType.F32,
        "bf16" => ElementType.BF16,
        "f16" => ElementType.F16,
        _ => throw new ArgumentException($"dtype {settings.SaveAs} is not known: use f32, bf16 or f16"),
    };

    private static ModelConfig Config(RunSettings settings, NewModel shape, Tokenizer tokenizer)
    {
        if (shape.Hidden is < 1 or > 1 << 16 || shape.Layers is < 1 or > 1024 || shape.Heads < 1 || shape.KeyHeads < 1 || shape.Hidden % shape.Heads != 0
            || shape.Heads % shape.KeyHeads != 0 || shape.Hidden / shape.Heads % 2 != 0 || shape.Hidden / shape.Heads > AttentionShape.MostHeadDim
            || shape.Heads / shape.KeyHeads > AttentionShape.MostGroup || shape.FeedForward is < 0 or > 1 << 20)
        {
            throw new ArgumentException(
                $"a model of hidden {shape.Hidden}, {shape.Layers} layers, {shape.Heads} heads over {shape.KeyHeads}: hidden must be a multiple of heads " +
                "with an even quotient of at most 512, heads a multiple of kv-heads");
        }
        return new ModelConfig
        {
            HiddenSize = shape.Hidden,
            IntermediateSize = shape.FeedForward > 0 ? shape.FeedForward : ((shape.Hidden * 8 / 3) + 31) / 32 * 32,
            Layers = shape.Layers,
            Heads = shape.Heads,
            KeyHeads = shape.KeyHeads,
            HeadDim = shape.Hidden / shape.Heads,
            VocabularySize = tokenizer.VocabularySize,
            MaxPositions = Math.Max(settings.Context, 2048),
            NormEps = 1e-5f,
            TieEmbeddings = !shape.Untied,
            BeginId = tokenizer.BosId,
            EndIds = tokenizer.EosId is { } end ? [end] : [],
        };
    }
}
