namespace Lorikeet.Adapters.Tests;

/// <summary>Tests that look at what the whole process holds: nothing else may run beside them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
