namespace Lorikeet.Models.Text.Templates;

/// <summary>A value of the template language, which is Python's: what it is called there and what can be done with it.</summary>
internal abstract class Value
{
    /// <summary>The name of its Python type, for messages.</summary>
    public abstract string TypeName { get; }

    /// <summary>What <c>if</c> sees.</summary>
    public virtual bool IsTrue => true;

    /// <summary>Whether it can be called.</summary>
    public virtual bool IsCallable => false;

    /// <summary>What <c>len</c> gives; null: it has no length.</summary>
    public virtual int? Length => null;

    /// <summary>A fresh walk over its items; null: it cannot be iterated.</summary>
    public virtual IEnumerator<Value>? Iterate(Interpreter run) => null;

    /// <summary>What <c>getattr</c> gives; null: there is no such attribute.</summary>
    public virtual Value? Attribute(Interpreter run, string name) => null;

    /// <summary>What <c>value[key]</c> gives; null: there is no such item, or it has none.</summary>
    public virtual Value? Item(Interpreter run, Value key) => null;

    /// <summary>What <c>value[start:stop:step]</c> gives.</summary>
    public virtual Value Slice(Interpreter run, Value start, Value stop, Value step) => throw Raise.Runtime($"'{TypeName}' object is not subscriptable");

    /// <summary>Calls it.</summary>
    public virtual Value Call(Interpreter run, Arguments arguments) => throw Raise.Runtime($"'{TypeName}' object is not callable");

    /// <summary>Writes what <c>repr</c> gives.</summary>
    public abstract void Represent(TextBuilder to);

    /// <summary>Writes what <c>str</c> gives.</summary>
    public virtual void Print(TextBuilder to) => Represent(to);
}
