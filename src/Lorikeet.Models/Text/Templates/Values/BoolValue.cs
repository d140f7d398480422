using System.Numerics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's True and False, which are the numbers 1 and 0 too.</summary>
internal sealed class BoolValue : Value
{
    public static readonly BoolValue True = new(true);
    public static readonly BoolValue False = new(false);

    private BoolValue(bool value) => Value = value;

    public bool Value { get; }

    public BigInteger Number => Value ? BigInteger.One : BigInteger.Zero;

    public override string TypeName => "bool";

    public override bool IsTrue => Value;

    public static BoolValue Of(bool value) => value ? True : False;

    public override Value? Attribute(Interpreter run, string name) => NumberMethods.OfInteger(run, this, Number, name);

    public override void Represent(TextBuilder to) => to.Append(Value ? "True" : "False");
}
