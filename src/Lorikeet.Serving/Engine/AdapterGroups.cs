using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>Numbers for the adapters in use, so that rows can be ordered by adapter; forgotten with the last request of an adapter.</summary>
internal sealed class AdapterGroups
{
    private readonly Dictionary<Adapter, (int Group, int Users)> groups = [];
    private int last;

    /// <summary>The adapter's number; 0 for the bare model.</summary>
    public int Enter(Adapter? adapter)
    {
        if (adapter is null)
        {
            return 0;
        }
        (int group, int users) = groups.TryGetValue(adapter, out (int Group, int Users) known) ? known : (++last, 0);
        groups[adapter] = (group, users + 1);
        return group;
    }

    public void Leave(Adapter? adapter)
    {
        if (adapter is null)
        {
            return;
        }
        (int group, int users) = groups[adapter];
        if (users == 1)
        {
            groups.Remove(adapter);
        }
        else
        {
            groups[adapter] = (group, users - 1);
        }
    }
}
