using System.Globalization;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's bytes, which <c>encode</c> makes.</summary>
internal sealed class BytesValue(byte[] bytes) : Value
{
    public byte[] Bytes => bytes;

    public override string TypeName => "bytes";

    public override bool IsTrue => bytes.Length > 0;

    public override int? Length => bytes.Length;

    public override IEnumerator<Value>? Iterate(Interpreter run) => bytes.Select(b => (Value)IntValue.Of((int)b)).GetEnumerator();

    public override Value? Attribute(Interpreter run, string name) => BytesMethods.Find(run, this, name);

    public override Value? Item(Interpreter run, Value key)
    {
        if (Operators.AsIndex(key) is not { } index)
        {
            return null;
        }
        index += index < 0 ? bytes.Length : 0;
        return index < 0 || index >= bytes.Length ? null : IntValue.Of((int)bytes[(int)index]);
    }

    public override Value Slice(Interpreter run, Value start, Value stop, Value step)
    {
        SliceRange range = SliceRange.Of(bytes.Length, start, stop, step);
        run.Budget.Make(range.Count);
        return new BytesValue([.. range.Indices().Select(i => bytes[i])]);
    }

    public override void Represent(TextBuilder to)
    {
        char quote = bytes.AsSpan().Contains((byte)'\'') && !bytes.AsSpan().Contains((byte)'"') ? '"' : '\'';
        to.Append('b').Append(quote);
        foreach (byte b in bytes)
        {
            switch (b)
            {
                case (byte)'\n':
                    to.Append("\\n");
                    break;
                case (byte)'\r':
                    to.Append("\\r");
                    break;
                case (byte)'\t':
                    to.Append("\\t");
                    break;
                case (byte)'\\':
                    to.Append("\\\\");
                    break;
                case < 0x20 or >= 0x7F:
                    to.Append("\\x").Append(b.ToString("x2", CultureInfo.InvariantCulture));
                    break;
                default:
                    if (b == quote)
                    {
                        to.Append('\\');
                    }
                    to.Append((char)b);
                    break;
            }
        }
        to.Append(quote);
    }
}
