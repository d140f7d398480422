using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Gguf;
using Lorikeet.Models.Text.Bpe;

namespace Lorikeet.Models.Text;

/// <summary>The files of one tokenizer, read and checked: tokenizer.json and its companions.</summary>
internal sealed class TokenizerFile
{
    public const string Name = "tokenizer.json";
    public const string ConfigName = "tokenizer_config.json";

    // Copied as they are when a tokenizer is saved, so that the folder is complete; none is needed to encode.
    private static readonly string[] Companions = [ConfigName, "special_tokens_map.json", "chat_template.jinja"];
    private const long MostCompanionBytes = 10 << 20;

    // One line a model. The model's parts are read by its tokenizer's constructor.
    private static readonly Dictionary<string, Func<TokenizerFile, JsonPart, Tokenizer>> Kinds = new()
    {
        ["BPE"] = (file, root) => new BpeTokenizer(file, root),
        ["Unigram"] = (file, root) => new PipelineTokenizer(file, root, "Unigram", Unigram.UnigramModel.Read(root.Get("model"))),
        ["WordPiece"] = (file, root) => new PipelineTokenizer(file, root, "WordPiece", WordPiece.WordPieceModel.Read(root.Get("model"))),
        ["WordLevel"] = (file, root) => new PipelineTokenizer(file, root, "WordLevel", WordLevelModel.Read(root.Get("model"))),
    };

    private TokenizerFile(string path, IReadOnlyList<(string Name, ReadOnlyMemory<byte> Bytes)> files)
    {
        Path = path;
        Files = files;
    }

    /// <summary>Where tokenizer.json is; for messages.</summary>
    public string Path { get; }

    /// <summary>Everything <see cref="Tokenizer.Save"/> writes.</summary>
    public IReadOnlyList<(string Name, ReadOnlyMemory<byte> Bytes)> Files { get; }

    public static Tokenizer Load(string folderOrFile)
    {
        if (GgufFile.Is(folderOrFile))
        {
            return GgufTokenizer.Load(folderOrFile);
        }
        string path = Directory.Exists(folderOrFile) ? System.IO.Path.Combine(folderOrFile, Name) : folderOrFile;
        if (!File.Exists(path))
        {
            throw Absent(folderOrFile, path);
        }
        List<(string Name, ReadOnlyMemory<byte> Bytes)> files = [(Name, ReadAll(path, SafeJson.MostBytes))];
        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        foreach (string companion in Companions)
        {
            string beside = System.IO.Path.Combine(folder, companion);
            if (File.Exists(beside))
            {
                files.Add((companion, ReadAll(beside, MostCompanionBytes)));
            }
        }
        return Parse(path, files);
    }

    /// <summary>Makes a tokenizer from file contents; the first file is tokenizer.json.</summary>
    public static Tokenizer Parse(string path, IReadOnlyList<(string Name, ReadOnlyMemory<byte> Bytes)> files)
    {
        if (files[0].Bytes.Span.SequenceEqual(ByteTokenizer.FileBytes))
        {
            return new ByteTokenizer();
        }
        using JsonDocument json = SafeJson.Parse(files[0].Bytes, path);
        JsonPart root = new JsonPart(json.RootElement, path, "the tokenizer").AsObject();
        JsonPart model = root.Get("model");
        // Old files leave the type out; then the members tell.
        string kind = model.Text("type") ?? OldKind(model);
        return Kinds.TryGetValue(kind, out Func<TokenizerFile, JsonPart, Tokenizer>? make)
            ? make(new TokenizerFile(path, files), root)
            : throw model.Unsupported($"has the type '{kind}', which is not supported; supported are {string.Join(", ", Kinds.Keys)}.");
    }

    /// <summary>Makes a tokenizer that was not read from a folder.</summary>
    public static TokenizerFile InMemory(IReadOnlyList<(string Name, ReadOnlyMemory<byte> Bytes)> files) => new("the new tokenizer.json", files);

    /// <summary>The tokens that tokenizer_config.json calls by a role (<c>bos_token</c>, <c>eos_token</c>, <c>pad_token</c>).</summary>
    public Dictionary<string, string> ReadRoles()
    {
        Dictionary<string, string> roles = [];
        ReadOnlyMemory<byte> bytes = Files.FirstOrDefault(f => f.Name == ConfigName).Bytes;
        if (bytes.Length == 0)
        {
            return roles;
        }
        string name = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path) ?? "", ConfigName);
        using JsonDocument json = SafeJson.Parse(bytes, name);
        JsonPart config = new JsonPart(json.RootElement, name, "the configuration").AsObject();
        foreach (string role in (string[])["bos_token", "eos_token", "pad_token"])
        {
            if (!config.TryGet(role, out JsonPart token))
            {
                continue;
            }
            // Either the token's text or an object with its content and flags.
            string? content = token.Element.ValueKind == JsonValueKind.Object ? token.Text("content") : config.Text(role);
            if (content is not null)
            {
                roles.Add(role, content);
            }
        }
        return roles;
    }

    private static string OldKind(JsonPart model) =>
        model.TryGet("merges", out _) ? "BPE"
        : model.TryGet("max_input_chars_per_word", out _) ? "WordPiece"
        : !model.TryGet("vocab", out JsonPart vocab) ? ""
        : vocab.Element.ValueKind == JsonValueKind.Array ? "Unigram" : "WordLevel";

    private static byte[] ReadAll(string path, long most)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            if (file.Length > most)
            {
                throw new BadFileException($"{path} has {file.Length} bytes; at most {most} are read. Is it the right file?");
            }
            byte[] bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is IOException and not BadFileException or UnauthorizedAccessException)
        {
            throw new BadFileException($"{path} cannot be read: {e.Message}", e);
        }
    }

    private static BadFileException Absent(string asked, string path)
    {
        string? other = Directory.Exists(asked)
            ? ((string[])["tokenizer.model", "spiece.model", "vocab.json", "vocab.txt"]).FirstOrDefault(n => File.Exists(System.IO.Path.Combine(asked, n)))
            : null;
        return new BadFileException(other is null
            ? $"{path} is not there; expected a model folder with tokenizer.json."
            : $"{asked} has {other} but no tokenizer.json. Make one with: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)");
    }
}
