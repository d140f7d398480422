using System.Collections.Frozen;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Names that Python's objects have and a template may not touch: to name one gives an undefined value that fails when it is used.</summary>
internal static class HiddenNames
{
    /// <summary>Of every object.</summary>
    public static readonly FrozenSet<string> Objects = FrozenSet.Create(
        "__class__", "__doc__", "__init__", "__new__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__str__", "__repr__", "__format__",
        "__getattribute__", "__setattr__", "__delattr__", "__reduce__", "__reduce_ex__", "__sizeof__", "__dir__", "__init_subclass__", "__subclasshook__", "__getstate__");

    /// <summary>Of what has items.</summary>
    public static readonly FrozenSet<string> Containers = FrozenSet.Create(
        [.. Objects, "__len__", "__iter__", "__contains__", "__getitem__", "__reversed__", "__add__", "__mul__", "__rmul__", "__mod__", "__rmod__", "__getnewargs__"]);

    /// <summary>Of functions.</summary>
    public static readonly FrozenSet<string> Functions = FrozenSet.Create(
        [.. Objects, "__call__", "__name__", "__qualname__", "__module__", "__self__", "__func__", "__globals__", "__code__", "__closure__", "__defaults__", "__kwdefaults__",
        "__dict__", "__annotations__", "__builtins__", "__wrapped__", "mro", "__mro__", "__subclasses__", "__bases__", "__base__"]);

    /// <summary>Of generators.</summary>
    public static readonly FrozenSet<string> Generators = FrozenSet.Create(
        [.. Objects, "__iter__", "__next__", "__name__", "__qualname__", "gi_frame", "gi_code", "gi_running", "gi_yieldfrom"]);

    /// <summary>An undefined value for a name of the set, else null.</summary>
    public static UndefinedValue? Find(Value of, string name, FrozenSet<string> names) => names.Contains(name) ? UndefinedValue.Unsafe(of, name) : null;
}
