using System.Globalization;
using System.Numerics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's int, of any size up to <see cref="MostBits"/>.</summary>
internal sealed class IntValue : Value
{
    /// <summary>The most bits of a number: arithmetic on larger ones would take noticeable time.</summary>
    public const int MostBits = 1 << 17;

    /// <summary>The most digits that are read or written, as in Python.</summary>
    public const int MostDigits = 4300;

    private static readonly IntValue[] Small = [.. Enumerable.Range(-16, 272).Select(i => new IntValue(i))];

    private IntValue(BigInteger value) => Value = value;

    public BigInteger Value { get; }

    public override string TypeName => "int";

    public override bool IsTrue => !Value.IsZero;

    public static IntValue Of(int value) => value is >= -16 and < 256 ? Small[value + 16] : new IntValue(value);

    public static IntValue Of(BigInteger value)
    {
        if (value.GetBitLength() > MostBits)
        {
            throw Raise.Limit($"a number of {value.GetBitLength()} bits was made; at most {MostBits} are allowed");
        }
        return value >= -16 && value < 256 ? Small[(int)value + 16] : new IntValue(value);
    }

    /// <summary>The decimal digits.</summary>
    public static string Digits(BigInteger value)
    {
        // 10^4300 has 14,285 bits: longer numbers need not be written to be refused.
        string digits = value.GetBitLength() > 14_300 ? "" : value.ToString(CultureInfo.InvariantCulture);
        return digits.Length > 0 && digits.Length - (value.Sign < 0 ? 1 : 0) <= MostDigits
            ? digits
            : throw Raise.Runtime($"Exceeds the limit ({MostDigits} digits) for integer string conversion");
    }

    public override Value? Attribute(Interpreter run, string name) => NumberMethods.OfInteger(run, this, Value, name);

    public override void Represent(TextBuilder to) => to.Append(Digits(Value));
}
