namespace Lorikeet.Server;

/// <summary>Lets one caller at a time work on a name of a tenant; names that nobody works on cost nothing.</summary>
internal sealed class NameGates
{
    private readonly Dictionary<(string Tenant, string Name), Gate> gates = [];

    /// <summary>Names that somebody works on or waits for.</summary>
    public int Count
    {
        get
        {
            lock (gates)
            {
                return gates.Count;
            }
        }
    }

    /// <summary>Waits for a name; disposing what it returns lets the next one in.</summary>
    public async Task<IDisposable> EnterAsync(string tenant, string name, CancellationToken stop)
    {
        Gate? gate;
        lock (gates)
        {
            if (!gates.TryGetValue((tenant, name), out gate))
            {
                gates[(tenant, name)] = gate = new Gate(this, (tenant, name));
            }
            gate.Users++;
        }
        try
        {
            await gate.Open.WaitAsync(stop);
        }
        catch
        {
            Leave(gate);
            throw;
        }
        return gate;
    }

    private void Leave(Gate gate)
    {
        lock (gates)
        {
            if (--gate.Users == 0)
            {
                gates.Remove(gate.Key);
                gate.Open.Dispose();
            }
        }
    }

    private sealed class Gate(NameGates owner, (string Tenant, string Name) key) : IDisposable
    {
        public (string Tenant, string Name) Key => key;

        public SemaphoreSlim Open { get; } = new(1, 1);

        public int Users { get; set; }

        public void Dispose()
        {
            Open.Release();
            owner.Leave(this);
        }
    }
}
