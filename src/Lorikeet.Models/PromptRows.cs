using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;

namespace Lorikeet.Models;

/// <summary>A prompt given as vectors in place of token ids: one row a token, as <see cref="LanguageModel.ReadEmbedding"/> reads rows of the token table.</summary>
/// <remarks>The numbers stay as they were stored, 2 or 4 bytes each, and are widened when a step reads them. Immutable: any number of requests may share one.</remarks>
public sealed class PromptRows
{
    /// <summary>The name of the tensor in a file.</summary>
    public const string TensorName = "prompt_embeds";

    private readonly byte[] values;
    private readonly ElementType type;
    private readonly int rowBytes;
    private readonly byte[] digests;

    private PromptRows(byte[] values, ElementType type, int width)
    {
        this.values = values;
        this.type = type;
        Width = width;
        rowBytes = width * type.Size();
        Count = values.Length / rowBytes;
        digests = new byte[(Count + SequenceState.PageTokens - 1) / SequenceState.PageTokens * SHA256.HashSizeInBytes];
        Span<byte> kind = [(byte)type];
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int i = 0; i * SequenceState.PageTokens < Count; i++)
        {
            int first = i * SequenceState.PageTokens;
            hash.AppendData(kind);
            hash.AppendData(Bytes(first, Math.Min(SequenceState.PageTokens, Count - first)));
            hash.GetHashAndReset(digests.AsSpan(i * SHA256.HashSizeInBytes, SHA256.HashSizeInBytes));
        }
    }

    /// <summary>How many tokens it stands for; at least one.</summary>
    public int Count { get; }

    /// <summary>Numbers of a row.</summary>
    public int Width { get; }

    /// <summary>Bytes that it keeps in memory.</summary>
    public long ByteLength => values.Length;

    /// <summary>A prompt of numbers.</summary>
    /// <param name="rows">[tokens, width], copied.</param>
    /// <param name="width">Numbers of a row: <see cref="LanguageModel.EmbeddingWidth"/>.</param>
    /// <exception cref="ArgumentException">There is no row, the last is not whole, or a number is not finite.</exception>
    public static PromptRows Of(ReadOnlySpan<float> rows, int width)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        if (rows.Length == 0 || rows.Length % width != 0)
        {
            throw new ArgumentException($"a prompt of vectors has {rows.Length} numbers; expected one or more rows of {width}", nameof(rows));
        }
        byte[] values = MemoryMarshal.AsBytes(rows).ToArray();
        return NotFinite(values, ElementType.F32, width) is { } place
            ? throw new ArgumentException($"a prompt of vectors has {place}; expected finite numbers", nameof(rows))
            : new PromptRows(values, ElementType.F32, width);
    }

    /// <summary>Reads a safetensors file with the one tensor <see cref="TensorName"/> [tokens, width] of F32, F16 or BF16.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="width">Numbers of a row: <see cref="LanguageModel.EmbeddingWidth"/>.</param>
    /// <exception cref="BadFileException">It breaks a rule of the format, or holds anything else.</exception>
    /// <exception cref="NotSupportedException">It is a pickle, as <c>torch.save</c> writes them.</exception>
    public static PromptRows Read(byte[] file, string name, int width)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        if (PickleFiles.IsPickle(file))
        {
            throw new NotSupportedException(
                $"{name} is a file of torch.save, a pickle, which can run code when it is read; expected safetensors: send "
                + $"base64.b64encode(safetensors.torch.save({{'{TensorName}': tensor.contiguous()}})).decode()");
        }
        using MemoryStream stream = new(file, writable: false);
        IReadOnlyList<StoredTensor> tensors = SafetensorsHeader.Read(stream, name, file.Length).Tensors;
        string expected = $"expected one tensor {TensorName} [tokens, {width}] of F32, F16 or BF16";
        if (tensors.Count != 1 || tensors[0].Name != TensorName)
        {
            string names = string.Join(", ", tensors.Take(3).Select(t => BadFileException.Short(t.Name))) + (tensors.Count > 3 ? ", ..." : "");
            throw new BadFileException($"{name} has {(tensors.Count == 0 ? "no tensor" : tensors.Count == 1 ? $"the tensor {names}" : $"{tensors.Count} tensors ({names})")}; {expected}");
        }
        StoredTensor tensor = tensors[0];
        if (SafetensorsFile.ToElementType(tensor.Type) is not { } type)
        {
            throw new BadFileException($"{name} is stored as {tensor.Type.Name()}; {expected}");
        }
        if (tensor.Shape.Count != 2 || tensor.Shape[1] != width || tensor.Shape[0] == 0)
        {
            throw new BadFileException($"{name} has the shape [{string.Join(", ", tensor.Shape)}]; {expected}, at least one token");
        }
        byte[] values = file.AsSpan((int)tensor.Offset, (int)tensor.ByteLength).ToArray();
        return NotFinite(values, type, width) is { } place
            ? throw new BadFileException($"{name} has {place}; expected finite numbers")
            : new PromptRows(values, type, width);
    }

    /// <summary>Some of the rows, as a prompt of its own.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="count">How many; at least one.</param>
    public PromptRows Part(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return first == 0 && count == Count ? this : new PromptRows(Bytes(first, count).ToArray(), type, Width);
    }

    /// <summary>Reads a row as float32.</summary>
    /// <param name="row">The row.</param>
    /// <param name="to">Receives it, [width].</param>
    public void CopyTo(int row, Span<float> to) => Casting.ToSingle(Bytes(row, 1), type, to[..Width]);

    /// <summary>SHA-256 of the rows of a page of positions: equal for equal bytes of the same type, and what prompts are compared by.</summary>
    /// <param name="page">Rows from page * <see cref="SequenceState.PageTokens"/> on, to the end of the page or of the prompt.</param>
    public ReadOnlySpan<byte> Digest(int page) => digests.AsSpan(page * SHA256.HashSizeInBytes, SHA256.HashSizeInBytes);

    private ReadOnlySpan<byte> Bytes(int first, int count) => values.AsSpan(first * rowBytes, count * rowBytes);

    private static string? NotFinite(byte[] values, ElementType type, int width)
    {
        if (Reduce.AllFinite(values, type))
        {
            return null;
        }
        int size = type.Size();
        float number = 0;
        int at = 0;
        for (; at < values.Length / size && float.IsFinite(number); at++)
        {
            Casting.ToSingle(values.AsSpan(at * size, size), type, new Span<float>(ref number));
        }
        return FormattableString.Invariant($"{number} in row {(at - 1) / width}, column {(at - 1) % width}");
    }
}

/// <summary>Rows of a step that a prompt gives in place of the token table's.</summary>
/// <param name="Row">The first of them, a row of the step.</param>
/// <param name="Count">How many.</param>
/// <param name="From">The prompt.</param>
/// <param name="First">The prompt's row that comes first.</param>
public readonly record struct GivenRows(int Row, int Count, PromptRows From, int First);
