using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Bench;

/// <summary>A model of a reference shape with random weights as a folder that any server can load: with a vocabulary as large as the shape's.</summary>
internal static class BenchBase
{
    private const string EndOfText = "<|endoftext|>";
    private const int Letters = 26;

    /// <summary>Writes the folder, matrices in bfloat16.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="folder">Where to.</param>
    public static void Write(ModelConfig config, string folder)
    {
        config = config with { EndIds = [config.VocabularySize - 1] };
        using LanguageModel model = ModelLoader.Create(config, new CounterRandom(1), ElementType.BF16);
        ModelWriter.Save(model, folder);
        AtomicFile.WriteText(Path.Combine(folder, "tokenizer.json"), Tokenizer(config.VocabularySize).ToJsonString());
        JsonObject settings = new() { ["eos_token"] = EndOfText, ["clean_up_tokenization_spaces"] = false, ["tokenizer_class"] = "PreTrainedTokenizerFast" };
        AtomicFile.WriteText(Path.Combine(folder, "tokenizer_config.json"), settings.ToJsonString());
    }

    /// <summary>A byte-level BPE: the bytes, then words of two, three, four and more small letters, as far as there is room; every token is a text of its own.</summary>
    private static JsonObject Tokenizer(int size)
    {
        JsonObject vocabulary = [];
        JsonArray merges = [];
        List<string> longer = [.. Enumerable.Range(0, Letters).Select(i => ((char)('a' + i)).ToString())];
        for (int b = 0; b < 256; b++)
        {
            vocabulary[ByteText(b)] = b;
        }
        while (vocabulary.Count < size - 1)
        {
            List<string> made = [];
            foreach ((string left, int letter) in longer.SelectMany(l => Enumerable.Range(0, Letters).Select(i => (l, i))).Take(size - 1 - vocabulary.Count))
            {
                string right = ((char)('a' + letter)).ToString();
                merges.Add((JsonNode)new JsonArray(left, right));
                made.Add(left + right);
            }
            made.ForEach(word => vocabulary[word] = vocabulary.Count);
            longer = made;
        }
        vocabulary[EndOfText] = size - 1;
        JsonObject end = new()
        {
            ["id"] = size - 1,
            ["content"] = EndOfText,
            ["single_word"] = false,
            ["lstrip"] = false,
            ["rstrip"] = false,
            ["normalized"] = false,
            ["special"] = true,
        };
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray(end),
            ["normalizer"] = null,
            ["pre_tokenizer"] = ByteLevel(),
            ["post_processor"] = null,
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["vocab"] = vocabulary,
                ["merges"] = merges,
            },
        };
    }

    private static JsonObject ByteLevel() => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true };

    // GPT-2's alphabet: bytes that print stand for themselves, the others follow after 255 in their order.
    private static string ByteText(int b) => ((char)(Prints(b) ? b : 256 + Enumerable.Range(0, b).Count(i => !Prints(i)))).ToString();

    private static bool Prints(int b) => b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE;
}
