namespace Lorikeet.Models.Text.Templates;

/// <summary>Compares keys of dicts as Python does: 1, 1.0 and True are one key.</summary>
internal sealed class KeyComparer : IEqualityComparer<Value>
{
    public static readonly KeyComparer Instance = new();

    /// <summary>Whether Python can hash a value.</summary>
    public static bool CanBeKey(Value value, int depth = 0)
    {
        StackGuard.Check(depth);
        return value switch
        {
            ListValue or DictValue or DictView => false,
            TupleValue tuple => tuple.Items.All(item => CanBeKey(item, depth + 1)),
            _ => true,
        };
    }

    public static void Require(Value key)
    {
        if (!CanBeKey(key))
        {
            throw Raise.Runtime($"unhashable type: '{(key is TupleValue tuple ? tuple.Items.First(i => !CanBeKey(i)) : key).TypeName}'");
        }
    }

    public bool Equals(Value? x, Value? y) => ReferenceEquals(x, y) || (x is not null && y is not null && Comparison.Same(x, y));

    public int GetHashCode(Value obj)
    {
        StackGuard.Check(0);
        switch (obj)
        {
            case StringValue s:
                Budget.Spend(s.Text.Length);
                return s.Text.GetHashCode(StringComparison.Ordinal);
            case IntValue i:
                return i.Value.GetHashCode();
            case BoolValue b:
                return b.Number.GetHashCode();
            case FloatValue f:
                return double.IsInteger(f.Value) ? new System.Numerics.BigInteger(f.Value).GetHashCode() : f.Value.GetHashCode();
            case TupleValue t:
                HashCode hash = default;
                foreach (Value item in t.Items)
                {
                    hash.Add(GetHashCode(item));
                }
                return hash.ToHashCode();
            case BytesValue b:
                HashCode bytes = default;
                bytes.AddBytes(b.Bytes);
                return bytes.ToHashCode();
            case UndefinedValue or NoneValue:
                return obj.TypeName.Length;
            case RangeValue r:
                return r.Count;
            default:
                return System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(obj);
        }
    }
}
