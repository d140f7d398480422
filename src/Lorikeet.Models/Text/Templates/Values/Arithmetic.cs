using System.Numerics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's arithmetic on numbers: <c>/</c> is always a float, <c>//</c> and <c>%</c> round down.</summary>
internal static class Arithmetic
{
    public static Value Integers(Interpreter run, string sign, BigInteger a, BigInteger b)
    {
        // The cost of a product grows with the product of the sizes.
        run.Budget.Work(1 + ((a.GetBitLength() >> 6) * (b.GetBitLength() >> 6) >> 3));
        return sign switch
        {
            "+" => IntValue.Of(a + b),
            "-" => IntValue.Of(a - b),
            "*" => IntValue.Of(a * b),
            "/" => b.IsZero ? throw Raise.Runtime("division by zero") : new FloatValue(Ratio.ToDouble(a, b)),
            "//" => b.IsZero ? throw Raise.Runtime("integer division or modulo by zero") : IntValue.Of(FloorDivide(a, b)),
            "%" => b.IsZero ? throw Raise.Runtime("integer modulo by zero") : IntValue.Of(a - (b * FloorDivide(a, b))),
            "**" => Power(run, a, b),
            _ => throw new ArgumentOutOfRangeException(nameof(sign), sign, "not an arithmetic sign"),
        };
    }

    public static Value Floats(string sign, double a, double b) => new FloatValue(sign switch
    {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => b == 0 ? throw Raise.Runtime("float division by zero") : a / b,
        "//" => b == 0 ? throw Raise.Runtime("float floor division by zero") : FloorDivide(a, b).Quotient,
        "%" => b == 0 ? throw Raise.Runtime("float modulo") : FloorDivide(a, b).Remainder,
        "**" => Power(a, b),
        _ => throw new ArgumentOutOfRangeException(nameof(sign), sign, "not an arithmetic sign"),
    });

    public static BigInteger FloorDivide(BigInteger a, BigInteger b)
    {
        BigInteger quotient = BigInteger.DivRem(a, b, out BigInteger rest);
        return !rest.IsZero && rest.Sign != b.Sign ? quotient - 1 : quotient;
    }

    // The steps of CPython's float_divmod: the quotient is exact where the rest is.
    private static (double Quotient, double Remainder) FloorDivide(double a, double b)
    {
        double rest = a % b;
        double quotient = (a - rest) / b;
        if (rest != 0)
        {
            if ((b < 0) != (rest < 0))
            {
                rest += b;
                quotient -= 1;
            }
        }
        else
        {
            rest = Math.CopySign(0, b);
        }
        if (quotient == 0)
        {
            return (Math.CopySign(0, a / b), rest);
        }
        double floor = Math.Floor(quotient);
        return (quotient - floor > 0.5 ? floor + 1 : floor, rest);
    }

    private static Value Power(Interpreter run, BigInteger a, BigInteger b)
    {
        if (b.Sign < 0)
        {
            return new FloatValue(Power(Ratio.ToDouble(a), Ratio.ToDouble(b)));
        }
        if (a.IsZero || BigInteger.Abs(a).IsOne)
        {
            return IntValue.Of(b.IsZero ? BigInteger.One : a.Sign < 0 && b.IsEven ? BigInteger.One : a);
        }
        BigInteger bits = (a.GetBitLength() - 1) * b;
        if (bits > IntValue.MostBits)
        {
            throw Raise.Limit($"a number of more than {IntValue.MostBits} bits would be made by **");
        }
        run.Budget.Work((long)(bits * bits >> 15));
        return IntValue.Of(BigInteger.Pow(a, (int)b));
    }

    private static double Power(double a, double b)
    {
        if (a == 0 && b < 0)
        {
            throw Raise.Runtime("0.0 cannot be raised to a negative power");
        }
        if (a < 0 && double.IsFinite(a) && double.IsFinite(b) && !double.IsInteger(b))
        {
            throw Raise.Runtime("a negative number to a fractional power is complex, which templates here do not have");
        }
        double power = Math.Pow(a, b);
        return double.IsInfinity(power) && double.IsFinite(a) && double.IsFinite(b) ? throw Raise.Runtime("(34, 'Numerical result out of range')") : power;
    }
}
