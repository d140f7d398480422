using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Cli;

/// <summary>What makes a model folder complete beside configuration and weights.</summary>
internal static class SideFiles
{
    private static readonly string[] Names =
    [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt",
        "tokenizer.model", "spiece.model", "chat_template.jinja", "generation_config.json", "LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE",
    ];

    /// <summary>Copies them; of a GGUF file the tokenizer in its metadata, where it has one.</summary>
    /// <param name="model">A model folder, or a GGUF file.</param>
    /// <param name="to">An existing folder.</param>
    public static void Copy(string model, string to)
    {
        if (!File.Exists(model))
        {
            foreach (string name in Names.Where(name => File.Exists(Path.Combine(model, name))))
            {
                File.Copy(Path.Combine(model, name), Path.Combine(to, name));
            }
        }
        else if (HasVocabulary(model))
        {
            Tokenizer.Load(model).Save(to);
        }
    }

    private static bool HasVocabulary(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        return file.Metadata.ContainsKey("tokenizer.ggml.tokens");
    }
}
