using System.Runtime.InteropServices;
using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>A stretch of tokens, in memory or in a mapped file: a token that is learnt as itself, one that is only read as its complement.</summary>
internal abstract class TokenShard : IDisposable
{
    /// <summary>The most tokens of a shard.</summary>
    public const int Most = 1 << 24;

    public abstract ReadOnlySpan<int> Codes { get; }

    /// <summary>Bytes of text that each token stands for.</summary>
    public abstract ReadOnlySpan<ushort> Bytes { get; }

    public abstract void Dispose();
}

/// <summary>A shard that is being filled.</summary>
internal sealed class MemoryShard : TokenShard
{
    private readonly List<int> codes = [];
    private readonly List<ushort> bytes = [];

    public override ReadOnlySpan<int> Codes => CollectionsMarshal.AsSpan(codes);

    public override ReadOnlySpan<ushort> Bytes => CollectionsMarshal.AsSpan(bytes);

    public override void Dispose()
    {
        codes.Clear();
        bytes.Clear();
    }

    public void Add(int token, bool learn, int text)
    {
        codes.Add(learn ? token : ~token);
        bytes.Add((ushort)Math.Clamp(text, 0, ushort.MaxValue));
    }
}

/// <summary>A shard in a file: read from disk as batches ask for it.</summary>
internal sealed class MappedShard : TokenShard
{
    private readonly SafetensorsFile file;
    private readonly StoredTensor codes;
    private readonly StoredTensor bytes;

    /// <exception cref="BadFileException">The file is not a shard.</exception>
    public MappedShard(string path)
    {
        file = SafetensorsFile.Open(path);
        if (!file.TryGet("codes", out StoredTensor? ids) || ids.Type != StoredType.I32 || !file.TryGet("bytes", out StoredTensor? text) || text.Type != StoredType.U16
            || ids.Count != text.Count || ids.Count > Most)
        {
            file.Dispose();
            throw new BadFileException($"{path} is no shard of tokens; delete its folder, it is made again.");
        }
        (codes, bytes) = (ids, text);
    }

    public override ReadOnlySpan<int> Codes => MemoryMarshal.Cast<byte, int>(file.Bytes(codes));

    public override ReadOnlySpan<ushort> Bytes => MemoryMarshal.Cast<byte, ushort>(file.Bytes(bytes));

    public override void Dispose() => file.Dispose();

    public static void Write(string path, TokenShard shard) => SafetensorsWriter.Write(
        path,
        null,
        [
            new TensorToWrite("codes", StoredType.I32, [shard.Codes.Length], to => to.Write(MemoryMarshal.AsBytes(shard.Codes))),
            new TensorToWrite("bytes", StoredType.U16, [shard.Bytes.Length], to => to.Write(MemoryMarshal.AsBytes(shard.Bytes))),
        ]);
}
