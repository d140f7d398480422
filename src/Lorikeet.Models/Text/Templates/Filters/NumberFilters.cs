using System.Numerics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Filters on numbers.</summary>
internal static class NumberFilters
{
    public static Value Abs(Interpreter run, Value value, Bound a) => value switch
    {
        FloatValue f => new FloatValue(Math.Abs(f.Value)),
        _ => Operators.AsInteger(value) is { } i ? IntValue.Of(BigInteger.Abs(i)) : throw Raise.Runtime($"bad operand type for abs(): '{value.TypeName}'"),
    };

    public static Value ToInt(Interpreter run, Value value, Bound a)
    {
        Value otherwise = a[0] ?? IntValue.Of(0);
        switch (value)
        {
            case UndefinedValue undefined:
                throw undefined.Fail();
            case IntValue:
                return value;
            case BoolValue b:
                return IntValue.Of(b.Number);
            case FloatValue { Value: var f }:
                return double.IsNaN(f) ? otherwise
                    : double.IsInfinity(f) ? throw Raise.Runtime("cannot convert float infinity to integer")
                    : IntValue.Of(new BigInteger(f));
            case StringValue text:
                int radix = a.Number(1, 10);
                BigInteger? whole = radix is 0 or (>= 2 and <= 36) ? NumberText.Integer(text.Text, radix) : null;
                // "42.23" is 42.
                return whole is { } number ? IntValue.Of(number)
                    : NumberText.Float(text.Text) is { } real && double.IsFinite(real) ? IntValue.Of(new BigInteger(real))
                    : otherwise;
            default:
                return otherwise;
        }
    }

    public static Value ToFloat(Interpreter run, Value value, Bound a) => value switch
    {
        UndefinedValue undefined => throw undefined.Fail(),
        StringValue text => NumberText.Float(text.Text) is { } number ? new FloatValue(number) : a[0] ?? new FloatValue(0),
        _ => Operators.AsFloat(value) is { } number ? new FloatValue(number) : a[0] ?? new FloatValue(0),
    };

    public static Value Round(Interpreter run, Value value, Bound a)
    {
        string method = a.Text(1) ?? "common";
        if (method is not ("common" or "ceil" or "floor"))
        {
            throw Raise.Runtime("method must be common, ceil or floor");
        }
        if (method != "common" && value is UndefinedValue undefined)
        {
            throw undefined.Fail();
        }
        if (Operators.AsFloat(value) is null)
        {
            throw Raise.Runtime(value is UndefinedValue ? "type Undefined doesn't define __round__ method" : $"type {value.TypeName} doesn't define __round__ method");
        }
        int precision = a.Number(0, 0);
        if (method == "common")
        {
            return Operators.AsInteger(value) is { } whole ? IntValue.Of(RoundWhole(whole, precision)) : new FloatValue(RoundHalfEven(((FloatValue)value).Value, precision));
        }
        Value power = Operators.Apply(run, "**", IntValue.Of(10), IntValue.Of(precision));
        Value product = Operators.Apply(run, "*", value, power);
        if (product is IntValue)
        {
            return Operators.Apply(run, "/", product, power);
        }
        double scaled = Operators.AsFloat(product)!.Value;
        double rounded = method == "ceil" ? Math.Ceiling(scaled) : Math.Floor(scaled);
        return double.IsFinite(rounded)
            ? Operators.Apply(run, "/", IntValue.Of(new BigInteger(rounded)), power)
            : throw Raise.Runtime(double.IsNaN(rounded) ? "cannot convert float NaN to integer" : "cannot convert float infinity to integer");
    }

    /// <summary>Floats are summed with the error of each addition carried along, as Python does from 3.12 on.</summary>
    public static Value Sum(Interpreter run, Value value, Bound a)
    {
        AttributePath path = new(a[0]);
        Value total = a[1] ?? IntValue.Of(0);
        if (total is StringValue)
        {
            throw Raise.Runtime("sum() can't sum strings [use ''.join(seq) instead]");
        }
        double lost = 0;
        foreach (Value item in run.Enumerate(value))
        {
            Value next = path.Get(run, item);
            if (total is FloatValue { Value: var sum } && next is FloatValue or IntValue or BoolValue)
            {
                double x = Operators.AsFloat(next)!.Value, both = sum + x;
                lost += next is not FloatValue ? 0 : Math.Abs(sum) >= Math.Abs(x) ? sum - both + x : x - both + sum;
                total = new FloatValue(both);
                continue;
            }
            total = Operators.Apply(run, "+", total, next);
        }
        return total is FloatValue f && lost != 0 && double.IsFinite(lost) ? new FloatValue(f.Value + lost) : total;
    }

    public static Value FileSize(Interpreter run, Value value, Bound a)
    {
        double bytes = value is StringValue text
            ? NumberText.Float(text.Text) ?? throw Raise.Runtime($"could not convert string to float: {StringText.Represent(text.Text)}")
            : value is UndefinedValue undefined ? throw undefined.Fail()
            : Operators.AsFloat(value) ?? throw Raise.Runtime($"float() argument must be a string or a real number, not '{value.TypeName}'");
        bool binary = a.Flag(0);
        double unit = binary ? 1024 : 1000;
        if (bytes == 1)
        {
            return new StringValue("1 Byte");
        }
        if (bytes < unit)
        {
            return new StringValue($"{IntValue.Digits(double.IsFinite(bytes) ? new BigInteger(bytes) : throw Raise.Runtime("cannot convert float infinity to integer"))} Bytes");
        }
        int power = 0;
        double size = unit * unit;
        while (power < 7 && !(bytes < size))
        {
            size *= unit;
            power++;
        }
        return new StringValue($"{NumberFormat.Float(new FormatSpec { Type = 'f', Precision = 1 }, unit * bytes / size)} {(binary ? "KMGTPEZY"[power] + "i" : "kMGTPEZY"[power])}B");
    }

    private static BigInteger RoundWhole(BigInteger whole, int precision)
    {
        if (precision >= 0)
        {
            return whole;
        }
        if (-precision > IntValue.MostDigits * 10)
        {
            return BigInteger.Zero;
        }
        BigInteger unit = BigInteger.Pow(10, -precision), down = Arithmetic.FloorDivide(whole, unit), rest = whole - (down * unit);
        int half = (rest * 2).CompareTo(unit);
        return (half > 0 || (half == 0 && !down.IsEven) ? down + 1 : down) * unit;
    }

    private static double RoundHalfEven(double value, int precision)
    {
        if (!double.IsFinite(value) || value == 0 || precision > 323)
        {
            return value;
        }
        if (precision < -308)
        {
            return Math.CopySign(0, value);
        }
        BigInteger scaled = FloatText.Scaled(value, precision);
        double size = precision >= 0 ? Ratio.ToDouble(scaled, BigInteger.Pow(10, precision)) : Ratio.ToDouble(scaled * BigInteger.Pow(10, -precision));
        return Math.CopySign(size, value);
    }
}
