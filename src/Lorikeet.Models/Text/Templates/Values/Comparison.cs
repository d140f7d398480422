using System.Numerics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's comparisons.</summary>
internal static class Comparison
{
    /// <summary>Whether <c>left == right</c>.</summary>
    public static bool Same(Value left, Value right, int depth = 0)
    {
        StackGuard.Check(depth);
        return (left, right) switch
        {
            (UndefinedValue, UndefinedValue) => true,
            (StringValue a, StringValue b) => a.Text.Length == b.Text.Length && SameText(a.Text, b.Text),
            (FloatValue a, FloatValue b) => a.Value == b.Value,
            (FloatValue a, _) => Operators.AsInteger(right) is { } b && SameNumber(b, a.Value),
            (_, FloatValue b) => Operators.AsInteger(left) is { } a && SameNumber(a, b.Value),
            (IntValue or BoolValue, IntValue or BoolValue) => Operators.AsInteger(left) == Operators.AsInteger(right),
            (ListValue a, ListValue b) => Same(a.Items, b.Items, depth + 1),
            (TupleValue a, TupleValue b) => Same(a.Items, b.Items, depth + 1),
            (DictValue a, DictValue b) => a.Count == b.Count && a.Entries.All(e => b.Get(e.Key) is { } other && Identical(e.Value, other, depth + 1)),
            (BytesValue a, BytesValue b) => a.Bytes.AsSpan().SequenceEqual(b.Bytes),
            (RangeValue a, RangeValue b) => a.Count == b.Count && (a.Count == 0 || (a.At(0).Value == b.At(0).Value && a.At(a.Count - 1).Value == b.At(b.Count - 1).Value)),
            (DictView { AreKeys: true } a, DictView { AreKeys: true } b) => a.Dict.Count == b.Dict.Count && a.Dict.Keys.All(k => b.Dict.Get(k) is not null),
            _ => ReferenceEquals(left, right),
        };
    }

    /// <summary>Whether they are the same object, or equal: how Python's containers compare their items (a NaN is in its own list).</summary>
    public static bool Identical(Value left, Value right, int depth = 0) => ReferenceEquals(left, right) || Same(left, right, depth);

    /// <summary>The order of two values: negative, 0 or positive; null where they are not ordered (NaN).</summary>
    /// <exception cref="TemplateException">Python does not order such types.</exception>
    public static int? Order(Interpreter run, string sign, Value left, Value right, int depth = 0)
    {
        StackGuard.Check(depth);
        run.Budget.Step();
        switch (left, right)
        {
            case (UndefinedValue u, _):
                throw u.Fail();
            case (_, UndefinedValue u):
                throw u.Fail();
            case (StringValue a, StringValue b):
                run.Budget.Work(Math.Min(a.Text.Length, b.Text.Length));
                return CodePoints.Compare(a.Text, b.Text);
            case (FloatValue a, FloatValue b):
                return double.IsNaN(a.Value) || double.IsNaN(b.Value) ? null : a.Value.CompareTo(b.Value);
            case (FloatValue a, IntValue or BoolValue):
                return -Order(Operators.AsInteger(right)!.Value, a.Value);
            case (IntValue or BoolValue, FloatValue b):
                return Order(Operators.AsInteger(left)!.Value, b.Value);
            case (IntValue or BoolValue, IntValue or BoolValue):
                return Operators.AsInteger(left)!.Value.CompareTo(Operators.AsInteger(right)!.Value);
            case (ListValue a, ListValue b):
                return Order(run, sign, a.Items, b.Items, depth + 1);
            case (TupleValue a, TupleValue b):
                return Order(run, sign, a.Items, b.Items, depth + 1);
            case (BytesValue a, BytesValue b):
                return a.Bytes.AsSpan().SequenceCompareTo(b.Bytes);
            default:
                throw Raise.Runtime($"'{sign}' not supported between instances of '{left.TypeName}' and '{right.TypeName}'");
        }
    }

    public static bool Holds(Interpreter run, string sign, Value left, Value right)
    {
        switch (sign)
        {
            case "==":
                return Same(left, right);
            case "!=":
                return !Same(left, right);
            case "in":
                return Contains(run, right, left);
            case "not in":
                return !Contains(run, right, left);
            default:
                int? order = Order(run, sign, left, right);
                return sign switch { "<" => order < 0, "<=" => order <= 0, ">" => order > 0, _ => order >= 0 };
        }
    }

    /// <summary>Whether <c>item in container</c>.</summary>
    public static bool Contains(Interpreter run, Value container, Value item)
    {
        switch (container)
        {
            case StringValue text:
                return item is StringValue part
                    ? TextSearch.IndexOf(run, text.Text, part.Text, 0) >= 0
                    : throw Raise.Runtime($"'in <string>' requires string as left operand, not {item.TypeName}");
            case DictValue dict:
                KeyComparer.Require(item);
                return dict.Get(item) is not null;
            case DictView { AreKeys: true } view:
                KeyComparer.Require(item);
                return view.Dict.Get(item) is not null;
            default:
                if (container.Iterate(run) is null)
                {
                    throw Raise.Runtime($"argument of type '{container.TypeName}' is not iterable");
                }
                foreach (Value other in run.Enumerate(container))
                {
                    if (Identical(other, item))
                    {
                        return true;
                    }
                }
                return false;
        }
    }

    private static bool Same(IReadOnlyList<Value> left, IReadOnlyList<Value> right, int depth)
    {
        if (left.Count != right.Count)
        {
            return false;
        }
        for (int i = 0; i < left.Count; i++)
        {
            if (!Identical(left[i], right[i], depth))
            {
                return false;
            }
        }
        return true;
    }

    private static int? Order(Interpreter run, string sign, IReadOnlyList<Value> left, IReadOnlyList<Value> right, int depth)
    {
        for (int i = 0; i < Math.Min(left.Count, right.Count); i++)
        {
            if (!Identical(left[i], right[i]))
            {
                return Order(run, sign, left[i], right[i], depth);
            }
        }
        return left.Count.CompareTo(right.Count);
    }

    private static bool SameText(string left, string right)
    {
        Budget.Spend(left.Length);
        return left == right;
    }

    private static bool SameNumber(BigInteger whole, double number) => double.IsInteger(number) && new BigInteger(number) == whole;

    private static int? Order(BigInteger whole, double number)
    {
        if (double.IsNaN(number) || double.IsInfinity(number))
        {
            return double.IsNaN(number) ? null : number > 0 ? -1 : 1;
        }
        double floor = Math.Floor(number);
        int order = whole.CompareTo(new BigInteger(floor));
        return order == 0 && floor < number ? -1 : order;
    }
}
