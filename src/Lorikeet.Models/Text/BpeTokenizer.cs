using Lorikeet.Models.Text.Bpe;

namespace Lorikeet.Models.Text;

/// <summary>A tokenizer whose tokens are made by merging pairs: byte-level BPE (GPT-2, Llama 3, Qwen, StarCoder, GPT-NeoX) and SentencePiece's (Llama 2, Mistral, Gemma).</summary>
/// <remarks>Sennrich, Haddow, Birch: Neural Machine Translation of Rare Words with Subword Units, 2016 (arXiv 1508.07909).</remarks>
public sealed class BpeTokenizer : PipelineTokenizer
{
    private readonly BpeModel model;

    internal BpeTokenizer(TokenizerFile file, JsonPart root)
        : this(file, root, BpeModel.Read(root.Get("model")))
    {
    }

    internal BpeTokenizer(TokenizerFile file, JsonPart root, BpeModel model)
        : base(file, root, "BPE", model)
    {
        this.model = model;
    }

    /// <summary>The pairs in the order in which they are merged.</summary>
    public IReadOnlyList<(string Left, string Right)> Merges => model.ListMerges();
}
