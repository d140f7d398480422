namespace Lorikeet.Models.Text;

/// <summary>The memory that encoding a text takes; used again for the next text.</summary>
internal sealed class EncodingScratch
{
    private const int MostKept = 1 << 20;

    /// <summary>The piece between added tokens.</summary>
    public TextPiece Piece { get; } = new();

    /// <summary>A part of it, between added tokens that are found in normalised text.</summary>
    public TextPiece Part { get; } = new();

    /// <summary>Turns words into ids.</summary>
    public WordEncoder Words { get; } = new();

    /// <summary>Whether it may be kept.</summary>
    public bool IsSmall => Piece.Capacity <= MostKept && Part.Capacity <= MostKept && Words.Tokens.Capacity <= MostKept;
}
