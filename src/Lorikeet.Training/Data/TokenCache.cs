using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Training;

/// <summary>Tokens of data on disk, so that data may be larger than memory and is encoded once.</summary>
/// <remarks>
/// A folder named after a hash of everything that decides the tokens: the files' bytes, the tokenizer, the layout, the context. It appears whole: it is
/// written under another name and renamed, and of several processes that write it at once the first wins. Files that change while they are read are refused.
/// </remarks>
public static class TokenCache
{
    private const string Format = "lorikeet-tokens-1";

    /// <summary>Data of fewer bytes stays in memory, unless a folder is named.</summary>
    public const long LeastBytes = 64L << 20;

    /// <summary>Where caches are kept: <c>$XDG_CACHE_HOME/lorikeet/tokens</c>, or <c>~/.cache/lorikeet/tokens</c>.</summary>
    public static string DefaultFolder => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } home ? home : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "lorikeet",
        "tokens");

    /// <summary>The tokens of a file or folder: from the cache, or made and kept there; small data is made in memory.</summary>
    /// <param name="path">The data.</param>
    /// <param name="options">What its fields stand for.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="context">The most inputs in a piece.</param>
    /// <param name="template">The model's chat template, or null.</param>
    /// <param name="labels">The classes, where texts are classified.</param>
    /// <param name="folder">Where caches are kept; null: <see cref="DefaultFolder"/>, for data of <see cref="LeastBytes"/> or more; empty: nowhere.</param>
    /// <exception cref="BadFileException">A file cannot be read, or has changed while it was read.</exception>
    public static TokenDocuments Load(
        string path, DataOptions options, Tokenizer tokenizer, int context, ChatTemplate? template = null, IReadOnlyList<string>? labels = null, string? folder = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(tokenizer);
        IReadOnlyList<string> files = DataFile.Files(path);
        if (folder is { Length: 0 } || (folder is null && files.Sum(f => File.Exists(f) ? new FileInfo(f).Length : 0) < LeastBytes))
        {
            return DocumentTokens.Encode(DataFile.Read(path, options, template), tokenizer, context, options.Task, labels);
        }
        List<(long, DateTime)> before = [.. files.Select(Stamp)];
        string key = Key(path, files, options, tokenizer, context, template, labels);
        string place = Path.Combine(folder ?? DefaultFolder, key);
        int limit = options.Task == DataTask.Classify ? Math.Max(tokenizer.VocabularySize, labels?.Count ?? 0) : tokenizer.VocabularySize;
        if (!Directory.Exists(place))
        {
            Write(place, temporary =>
            {
                using TokenDocuments made = new(context, DocumentTokens.Kind(options.Task));
                made.Moved = (shard, number) => Move(shard, ShardPath(temporary, number));
                DocumentTokens.Encode(DataFile.Read(path, options, template), tokenizer, made, labels);
                if (!files.Select(Stamp).SequenceEqual(before))
                {
                    throw new BadFileException($"{path} changed while it was read; try again when nobody writes it.");
                }
                WriteTable(temporary, made);
            });
        }
        return Open(place, context, DocumentTokens.Kind(options.Task), limit);
    }

    private static string Key(
        string path, IReadOnlyList<string> files, DataOptions options, Tokenizer tokenizer, int context, ChatTemplate? template, IReadOnlyList<string>? labels)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string file in files)
        {
            using Stream stream = DataFile.Open(file);
            Add(Path.GetExtension(file));
            try
            {
                hash.AppendData(SHA256.HashData(stream));
            }
            catch (IOException e)
            {
                throw new BadFileException($"{file} cannot be read: {e.Message}", e);
            }
        }
        Add(Format);
        Add(tokenizer.Fingerprint());
        Add(JsonSerializer.Serialize(options, DataJson.Default.DataOptions));
        Add(context.ToString(CultureInfo.InvariantCulture));
        Add(template?.Source ?? "");
        foreach (string label in labels ?? [])
        {
            Add(label);
        }
        return $"{Path.GetFileName(Path.TrimEndingDirectorySeparator(path))}-{Convert.ToHexStringLower(hash.GetHashAndReset())[..32]}";

        void Add(string text) => hash.AppendData(Encoding.UTF8.GetBytes($"{Encoding.UTF8.GetByteCount(text)}:{text}"));
    }

    private static (long, DateTime) Stamp(string path)
    {
        FileInfo file = new(path);
        return file.Exists ? (file.Length, file.LastWriteTimeUtc) : throw new BadFileException($"{path} cannot be read: there is no such file.");
    }

    private static MappedShard Move(TokenShard shard, string path)
    {
        MappedShard.Write(path, shard);
        shard.Dispose();
        return new MappedShard(path);
    }

    private static string ShardPath(string folder, int number) => Path.Combine(folder, $"shard-{number.ToString("D5", CultureInfo.InvariantCulture)}.safetensors");

    private static void Write(string place, Action<string> write)
    {
        string parent = Path.GetDirectoryName(place)!;
        string temporary = Path.Combine(parent, $".{Guid.NewGuid():N}.tmp");
        Directory.CreateDirectory(temporary);
        try
        {
            write(temporary);
            try
            {
                Directory.Move(temporary, place);
            }
            catch (IOException) when (Directory.Exists(place))
            {
                // Another process made the same one meanwhile: the name says that they are equal.
                Directory.Delete(temporary, recursive: true);
            }
        }
        catch
        {
            Directory.Delete(temporary, recursive: true);
            throw;
        }
    }

    private static void WriteTable(string folder, TokenDocuments documents)
    {
        int[] table = new int[3 * documents.PieceCount];
        for (int i = 0; i < documents.PieceCount; i++)
        {
            (table[3 * i], table[(3 * i) + 1], table[(3 * i) + 2]) = documents.Pieces[i];
        }
        SafetensorsWriter.Write(
            Path.Combine(folder, "pieces.safetensors"),
            null,
            [new TensorToWrite("pieces", StoredType.I32, [documents.PieceCount, 3], to => to.Write(MemoryMarshal.AsBytes(table.AsSpan())))]);
        JsonObject about = new()
        {
            ["format"] = Format,
            ["shards"] = documents.Shards.Count,
            ["documents"] = documents.DocumentCount,
            ["tokens"] = documents.TokenCount,
            ["targets"] = documents.TargetCount,
            ["cut"] = documents.CutCount,
        };
        AtomicFile.WriteText(Path.Combine(folder, "about.json"), about.ToJsonString() + "\n");
    }

    /// <summary>Opens a cache; whatever its files hold, what is wrong is found here or when a batch is packed.</summary>
    private static TokenDocuments Open(string place, int context, BatchKind kind, int limit)
    {
        string about = Path.Combine(place, "about.json");
        using JsonDocument json = SafeJson.ReadObject(about);
        int shardCount = Count("shards", 1 << 16);
        List<MappedShard> shards = [];
        try
        {
            for (int i = 0; i < shardCount; i++)
            {
                shards.Add(new MappedShard(ShardPath(place, i)));
            }
            TokenDocuments documents = new(context, kind)
            {
                Limit = limit,
                DocumentCount = Count("documents", int.MaxValue),
                TokenCount = Long("tokens"),
                TargetCount = Long("targets"),
                CutCount = Count("cut", int.MaxValue),
            };
            documents.Restore(shards, ReadPieces(Path.Combine(place, "pieces.safetensors"), shards, context));
            return documents;
        }
        catch
        {
            shards.ForEach(s => s.Dispose());
            throw;
        }

        long Long(string name) => json.RootElement.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) && number >= 0
            ? number
            : throw Bad(about, $"has no {name}");

        int Count(string name, int most) => Long(name) is var number && number <= most ? (int)number : throw Bad(about, $"has {number} {name}");
    }

    private static List<TokenDocuments.Piece> ReadPieces(string path, List<MappedShard> shards, int context)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (!file.TryGet("pieces", out StoredTensor? stored) || stored.Type != StoredType.I32 || stored.Shape.Count != 2 || stored.Shape[1] != 3 || stored.Count > int.MaxValue / 4)
        {
            throw Bad(path, "has no table of pieces");
        }
        ReadOnlySpan<int> table = MemoryMarshal.Cast<byte, int>(file.Bytes(stored));
        List<TokenDocuments.Piece> pieces = new(table.Length / 3);
        for (int i = 0; i < table.Length; i += 3)
        {
            (int shard, int start, int length) = (table[i], table[i + 1], table[i + 2]);
            if ((uint)shard >= (uint)shards.Count || start < 0 || length < 1 || length > context || (long)start + length >= shards[shard].Codes.Length)
            {
                throw Bad(path, $"has a piece of {length} tokens at {start} of shard {shard}");
            }
            pieces.Add(new TokenDocuments.Piece(shard, start, length));
        }
        return pieces;
    }

    private static BadFileException Bad(string path, string what) => new($"{path} {what}; the cache is damaged: delete its folder, it is made again.");
}
