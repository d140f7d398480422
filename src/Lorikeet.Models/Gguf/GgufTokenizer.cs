using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Models.Gguf;

/// <summary>Makes the tokenizer of the vocabulary in a GGUF file; saved, it is the tokenizer.json that a folder of the hub would have.</summary>
public static class GgufTokenizer
{
    /// <summary>Reads the tokenizer of a file.</summary>
    /// <param name="path">The GGUF file.</param>
    /// <exception cref="BadFileException">The file breaks a rule, or its vocabulary contradicts itself.</exception>
    /// <exception cref="NotSupportedException">The kind of tokenizer is not built; the message names it.</exception>
    public static Tokenizer Load(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        return Make(new GgufFields(file.Metadata, path));
    }

    /// <summary>Makes the tokenizer of metadata.</summary>
    /// <param name="fields">The metadata.</param>
    /// <exception cref="BadFileException">The vocabulary contradicts itself.</exception>
    /// <exception cref="NotSupportedException">The kind of tokenizer is not built; the message names it.</exception>
    public static Tokenizer Make(GgufFields fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        GgufVocabulary vocabulary = GgufVocabulary.Read(fields);
        switch (vocabulary.Model)
        {
            case "llama":
                return VocabularyTokenizer.SentencePiece(vocabulary.Parts);
            case "gpt2":
                GgufPattern pattern = GgufPattern.Find(vocabulary.Pre) ?? throw fields.Unsupported(
                    $"tokenizer.ggml.pre {BadFileException.Short(vocabulary.Pre)} is not built: this version has {string.Join(", ", GgufPattern.All.Select(p => p.Name))}");
                return fields.Has("tokenizer.ggml.merges")
                    ? VocabularyTokenizer.ByteLevel(vocabulary.Parts, writer => pattern.PreTokenizer().WriteTo(writer), pattern.IgnoreMerges, pattern.Composed)
                    : throw fields.Bad("has no tokenizer.ggml.merges, which a byte-level vocabulary is cut by.");
            default:
                throw fields.Unsupported(
                    $"tokenizer.ggml.model {BadFileException.Short(vocabulary.Model)} is not built: this version has llama (SentencePiece) and gpt2 (byte-level BPE)");
        }
    }
}
