namespace Lorikeet.Models.Text.Templates;

/// <summary>Variables of a loop's turn, a macro's call or a block, over those around it.</summary>
internal sealed class Scope(Scope? around)
{
    private Dictionary<string, Value>? variables;

    /// <summary>The value of a name here or further out; null: it has none.</summary>
    public Value? Find(string name)
    {
        for (Scope? scope = this; scope is not null; scope = scope.Around)
        {
            if (scope.variables is not null && scope.variables.TryGetValue(name, out Value? value))
            {
                return value;
            }
        }
        return null;
    }

    /// <summary>Sets a name here.</summary>
    public void Set(string name, Value value) => (variables ??= [])[name] = value;

    private Scope? Around => around;
}
