using System.Buffers.Binary;
using System.Text;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Models.Gguf;

/// <summary>The pieces of a SentencePiece <c>tokenizer.model</c>: text, score and kind; of its protocol buffer nothing else is read but two settings.</summary>
/// <remarks>The message: https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto.</remarks>
internal sealed class SentencePieceFile
{
    private const int MostBytes = 64 << 20, MostPieces = 1 << 24;

    // trainer_spec.model_type: 1 is a unigram model, 2 a BPE.
    private const int Bpe = 2;

    private readonly string path;

    private SentencePieceFile(string path) => this.path = path;

    /// <summary>The pieces; the id is the place.</summary>
    public List<(string Text, float Score, TokenKind Kind)> Pieces { get; } = [];

    /// <summary>Whether a space is put before a text.</summary>
    public bool AddSpacePrefix { get; private set; } = true;

    /// <summary>Whether it is a BPE.</summary>
    public bool IsBpe { get; private set; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="BadFileException">It is absent, or no such model.</exception>
    public static SentencePieceFile Read(string path)
    {
        byte[] bytes;
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            bytes = file.Length <= MostBytes ? new byte[file.Length] : throw new BadFileException($"{path} has {file.Length} bytes; at most {MostBytes} are read. Is it the right file?");
            file.ReadExactly(bytes);
        }
        catch (Exception e) when (e is IOException and not BadFileException or UnauthorizedAccessException)
        {
            throw new BadFileException($"{path} cannot be read: {e.Message}", e);
        }
        SentencePieceFile read = new(path);
        read.Model(bytes);
        return read.Pieces.Count > 0 ? read : throw read.Bad("has no pieces");
    }

    private void Model(ReadOnlySpan<byte> bytes)
    {
        while (Field(ref bytes, out int field, out ulong _, out ReadOnlySpan<byte> inner))
        {
            switch (field)
            {
                case 1 when Pieces.Count < MostPieces:
                    Piece(inner);
                    break;
                case 1:
                    throw Bad($"has more than {MostPieces} pieces");
                case 2:
                    while (Field(ref inner, out int key, out ulong value, out _))
                    {
                        IsBpe |= key == 3 && value == Bpe;
                    }
                    break;
                case 3:
                    while (Field(ref inner, out int key, out ulong value, out _))
                    {
                        AddSpacePrefix = key == 3 ? value != 0 : AddSpacePrefix;
                    }
                    break;
                default:
                    break;
            }
        }
    }

    private void Piece(ReadOnlySpan<byte> bytes)
    {
        string text = "";
        float score = 0;
        ulong kind = (ulong)TokenKind.Normal;
        while (Field(ref bytes, out int field, out ulong value, out ReadOnlySpan<byte> inner))
        {
            switch (field)
            {
                case 1:
                    text = System.Text.Unicode.Utf8.IsValid(inner) ? Encoding.UTF8.GetString(inner) : throw Bad($"has a piece {Pieces.Count} that is not UTF-8");
                    break;
                case 2 when inner.Length == 4:
                    score = BinaryPrimitives.ReadSingleLittleEndian(inner);
                    break;
                case 3:
                    kind = value is >= 1 and <= 6 ? value : throw Bad($"has a piece {Pieces.Count} of the unknown kind {value}");
                    break;
                default:
                    break;
            }
        }
        Pieces.Add((text, score, (TokenKind)kind));
    }

    // One field: a number, or bytes (of fixed length or with their length before them).
    private bool Field(ref ReadOnlySpan<byte> bytes, out int field, out ulong value, out ReadOnlySpan<byte> inner)
    {
        field = 0;
        value = 0;
        inner = default;
        if (bytes.IsEmpty)
        {
            return false;
        }
        ulong tag = Varint(ref bytes);
        field = (int)Math.Min(tag >> 3, int.MaxValue);
        ulong length = 0;
        switch (tag & 7)
        {
            case 0:
                value = Varint(ref bytes);
                return true;
            case 1:
                length = 8;
                break;
            case 2:
                length = Varint(ref bytes);
                break;
            case 5:
                length = 4;
                break;
            default:
                throw Bad("is no protocol buffer of a SentencePiece model");
        }
        if (length > (ulong)bytes.Length)
        {
            throw Bad("is cut off");
        }
        inner = bytes[..(int)length];
        bytes = bytes[(int)length..];
        return true;
    }

    private ulong Varint(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (int i = 0; i < 10; i++)
        {
            if (i >= bytes.Length)
            {
                throw Bad("is cut off");
            }
            value |= (ulong)(bytes[i] & 127) << (7 * i);
            if (bytes[i] < 128)
            {
                bytes = bytes[(i + 1)..];
                return value;
            }
        }
        throw Bad("is no protocol buffer of a SentencePiece model");
    }

    private BadFileException Bad(string message) => new($"{path} {message}; expected the tokenizer.model of a SentencePiece tokenizer.");
}
