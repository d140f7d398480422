namespace Lorikeet.Server;

/// <summary>A set of byte values.</summary>
internal readonly record struct ByteSet(ulong A, ulong B, ulong C, ulong D)
{
    public static ByteSet Of(byte value) => Range(value, value);

    public static ByteSet Range(int first, int last)
    {
        ByteSet set = default;
        for (int value = first; value <= last; value++)
        {
            set = set.With((byte)value);
        }
        return set;
    }

    public bool IsEmpty => (A | B | C | D) == 0;

    public bool Contains(int value) => (Word(value >> 6) >> (value & 63) & 1) != 0;

    public ByteSet With(byte value)
    {
        ulong bit = 1UL << (value & 63);
        return (value >> 6) switch
        {
            0 => this with { A = A | bit },
            1 => this with { B = B | bit },
            2 => this with { C = C | bit },
            _ => this with { D = D | bit },
        };
    }

    public ByteSet Without(in ByteSet other) => new(A & ~other.A, B & ~other.B, C & ~other.C, D & ~other.D);

    public static ByteSet operator |(in ByteSet left, in ByteSet right) => new(left.A | right.A, left.B | right.B, left.C | right.C, left.D | right.D);

    private ulong Word(int index) => index switch { 0 => A, 1 => B, 2 => C, _ => D };
}
