namespace Lorikeet.Server.Tests.Faults;

/// <summary>Tests that measure memory or open thousands of connections: nothing else runs beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
