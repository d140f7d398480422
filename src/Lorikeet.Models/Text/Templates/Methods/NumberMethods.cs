using System.Numerics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Attributes and methods of int, bool and float.</summary>
internal static class NumberMethods
{
    public static Value? OfInteger(Interpreter run, Value self, BigInteger number, string name) => name switch
    {
        "real" or "numerator" => IntValue.Of(number),
        "imag" => IntValue.Of(0),
        "denominator" => IntValue.Of(1),
        "conjugate" => Constant(name, IntValue.Of(number)),
        "bit_length" => Constant(name, IntValue.Of(BigInteger.Abs(number).GetBitLength())),
        "bit_count" => Constant(name, IntValue.Of(Ones(BigInteger.Abs(number)))),
        "is_integer" => Constant(name, BoolValue.True),
        "as_integer_ratio" => Constant(name, new TupleValue([IntValue.Of(number), IntValue.Of(1)])),
        _ => HiddenNames.Find(self, name, HiddenNames.Objects),
    };

    public static Value? OfFloat(Interpreter run, FloatValue self, string name) => name switch
    {
        "real" => self,
        "imag" => new FloatValue(0),
        "conjugate" => Constant(name, self),
        "is_integer" => Constant(name, BoolValue.Of(double.IsInteger(self.Value))),
        "hex" => Constant(name, new StringValue(Hexadecimal(self.Value))),
        "as_integer_ratio" => new FunctionValue(name, (_, _) => AsRatio(self.Value)),
        _ => HiddenNames.Find(self, name, HiddenNames.Objects),
    };

    private static FunctionValue Constant(string name, Value value) => new(name, (_, _) => value);

    private static int Ones(BigInteger value) => value.ToByteArray(isUnsigned: true).Sum(b => BitOperations.PopCount(b));

    private static TupleValue AsRatio(double value)
    {
        if (!double.IsFinite(value))
        {
            throw Raise.Runtime($"cannot convert {(double.IsNaN(value) ? "NaN" : "Infinity")} to integer ratio");
        }
        int shift = 0;
        while (!double.IsInteger(value))
        {
            value *= 2;
            shift++;
        }
        return new TupleValue([IntValue.Of(new BigInteger(value)), IntValue.Of(BigInteger.One << shift)]);
    }

    private static string Hexadecimal(double value)
    {
        if (!double.IsFinite(value))
        {
            return FloatText.Shortest(value);
        }
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)((bits >> 52) & 0x7FF);
        long mantissa = bits & ((1L << 52) - 1);
        string sign = bits < 0 ? "-" : "";
        int power = value == 0 ? 0 : exponent == 0 ? -1022 : exponent - 1023;
        return $"{sign}0x{(exponent == 0 ? 0 : 1)}.{(value == 0 ? "0" : mantissa.ToString("x13", System.Globalization.CultureInfo.InvariantCulture))}p{(power < 0 ? "-" : "+")}{Math.Abs(power)}";
    }
}
