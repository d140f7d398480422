namespace Lorikeet.Models.Text.Templates;

/// <summary>The methods of dict.</summary>
internal static class DictMethods
{
    public static Value? Find(Interpreter run, DictValue self, string name) => name switch
    {
        "get" => new FunctionValue(name, (_, arguments) => Get(self, new Signature(name, 1, "key", "default").Bind(arguments))),
        "items" => new FunctionValue(name, (_, _) => Items(self)),
        "keys" => new FunctionValue(name, (_, _) => new DictView("dict_keys", self, d => d.Keys)),
        "values" => new FunctionValue(name, (_, _) => new DictView("dict_values", self, d => d.Values)),
        "copy" => new FunctionValue(name, (_, _) => self),
        "fromkeys" => new FunctionValue(name, FromKeys),
        "clear" or "pop" or "popitem" or "setdefault" or "update" => UndefinedValue.Unsafe(self, name),
        _ => HiddenNames.Find(self, name, HiddenNames.Containers),
    };

    public static DictView Items(DictValue self) =>
        new("dict_items", self, d => d.Entries.Select(entry => new TupleValue([entry.Key, entry.Value])));

    public static DictValue FromKeys(Interpreter run, Arguments arguments)
    {
        Bound a = new Signature("fromkeys", 1, "iterable", "value").Bind(arguments);
        DictValue made = new();
        foreach (Value key in run.Enumerate(a.Get(0)))
        {
            run.Budget.Make(1);
            made.Set(key, a[1] ?? NoneValue.None);
        }
        return made;
    }

    private static Value Get(DictValue self, Bound a)
    {
        KeyComparer.Require(a.Get(0));
        return self.Get(a.Get(0)) ?? a[1] ?? NoneValue.None;
    }
}
