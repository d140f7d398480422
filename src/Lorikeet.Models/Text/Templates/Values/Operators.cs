using System.Numerics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's arithmetic on values.</summary>
internal static class Operators
{
    /// <summary>A whole number as an index; numbers beyond 64 bits are clamped; null: it is no whole number.</summary>
    public static long? AsIndex(Value value) => value switch
    {
        IntValue i => i.Value > long.MaxValue / 4 ? long.MaxValue / 4 : i.Value < long.MinValue / 4 ? long.MinValue / 4 : (long)i.Value,
        BoolValue b => b.Value ? 1 : 0,
        _ => null,
    };

    /// <summary>A whole number; null: it is none.</summary>
    public static BigInteger? AsInteger(Value value) => value switch
    {
        IntValue i => i.Value,
        BoolValue b => b.Number,
        _ => null,
    };

    /// <summary>A number as a float; null: it is no number.</summary>
    public static double? AsFloat(Value value) => value switch
    {
        FloatValue f => f.Value,
        _ => AsInteger(value) is { } i ? Ratio.ToDouble(i) : null,
    };

    public static Value Apply(Interpreter run, string sign, Value left, Value right)
    {
        // A text on the left formats whatever stands on the right, an undefined value too.
        if (sign == "%" && left is StringValue pattern)
        {
            return PercentFormat.Format(run, pattern, right);
        }
        if (left is UndefinedValue u)
        {
            throw u.Fail();
        }
        if (right is UndefinedValue v)
        {
            throw v.Fail();
        }
        if (AsInteger(left) is { } a && AsInteger(right) is { } b)
        {
            return Arithmetic.Integers(run, sign, a, b);
        }
        if (AsFloat(left) is { } x && AsFloat(right) is { } y)
        {
            return Arithmetic.Floats(sign, x, y);
        }
        return sign switch
        {
            "+" => Add(run, left, right),
            "*" => Times(run, left, right),
            _ => throw Raise.Operands(sign == "**" ? "** or pow()" : sign, left, right),
        };
    }

    public static Value Negate(Value value) => value switch
    {
        UndefinedValue u => throw u.Fail(),
        FloatValue f => new FloatValue(-f.Value),
        _ => AsInteger(value) is { } i ? IntValue.Of(-i) : throw Raise.Runtime($"bad operand type for unary -: '{value.TypeName}'"),
    };

    public static Value Plus(Value value) => value switch
    {
        UndefinedValue u => throw u.Fail(),
        FloatValue => value,
        _ => AsInteger(value) is { } i ? IntValue.Of(i) : throw Raise.Runtime($"bad operand type for unary +: '{value.TypeName}'"),
    };

    /// <summary>Texts joined by <c>+</c>: where one is markup, the other is escaped.</summary>
    public static StringValue Join(Interpreter run, StringValue left, StringValue right)
    {
        bool markup = left.IsMarkup || right.IsMarkup;
        string a = markup ? Markup.Escape(run, left) : left.Text, b = markup ? Markup.Escape(run, right) : right.Text;
        run.Budget.Make((long)a.Length + b.Length);
        return new StringValue(a + b, markup);
    }

    private static Value Add(Interpreter run, Value left, Value right)
    {
        switch (left, right)
        {
            case (StringValue a, StringValue b):
                return Join(run, a, b);
            case (ListValue a, ListValue b):
                run.Budget.Make((long)a.Items.Count + b.Items.Count);
                return new ListValue([.. a.Items, .. b.Items]);
            case (TupleValue a, TupleValue b):
                run.Budget.Make((long)a.Items.Count + b.Items.Count);
                return new TupleValue([.. a.Items, .. b.Items]);
            case (BytesValue a, BytesValue b):
                run.Budget.Make((long)a.Bytes.Length + b.Bytes.Length);
                return new BytesValue([.. a.Bytes, .. b.Bytes]);
            case (StringValue or ListValue or TupleValue, _):
                throw Raise.Runtime($"can only concatenate {left.TypeName} (not \"{right.TypeName}\") to {left.TypeName}");
            default:
                throw Raise.Operands("+", left, right);
        }
    }

    private static Value Times(Interpreter run, Value left, Value right)
    {
        if (AsInteger(left) is { } first)
        {
            return Repeat(run, right, first) ?? throw Raise.Operands("*", left, right);
        }
        if (left is StringValue or ListValue or TupleValue or BytesValue)
        {
            return AsInteger(right) is { } count
                ? Repeat(run, left, count)!
                : throw Raise.Runtime($"can't multiply sequence by non-int of type '{right.TypeName}'");
        }
        throw right is StringValue or ListValue or TupleValue or BytesValue
            ? Raise.Runtime($"can't multiply sequence by non-int of type '{left.TypeName}'")
            : Raise.Operands("*", left, right);
    }

    private static Value? Repeat(Interpreter run, Value value, BigInteger wanted)
    {
        int size = value switch { StringValue s => s.Text.Length, ListValue l => l.Items.Count, TupleValue t => t.Items.Count, BytesValue b => b.Bytes.Length, _ => -1 };
        if (size < 0)
        {
            return null;
        }
        if (wanted > long.MaxValue || wanted < long.MinValue)
        {
            throw Raise.Runtime("cannot fit 'int' into an index-sized integer");
        }
        long count = size == 0 ? 0 : Math.Max((long)wanted, 0);
        run.Budget.Make(count > int.MaxValue ? count : size * count);
        int times = (int)count;
        return value switch
        {
            StringValue s => s.Like(new System.Text.StringBuilder(size * times).Insert(0, s.Text, times).ToString()),
            ListValue l => new ListValue(Repeated(l.Items, times)),
            TupleValue t => new TupleValue(Repeated(t.Items, times)),
            BytesValue b => new BytesValue([.. Enumerable.Repeat(b.Bytes, times).SelectMany(x => x)]),
            _ => null,
        };
    }

    private static Value[] Repeated(IReadOnlyList<Value> items, int times)
    {
        Value[] all = new Value[items.Count * times];
        for (int i = 0; i < all.Length; i++)
        {
            all[i] = items[i % items.Count];
        }
        return all;
    }
}
