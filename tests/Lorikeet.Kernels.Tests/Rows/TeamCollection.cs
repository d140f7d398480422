namespace Lorikeet.Kernels.Tests.Rows;

/// <summary>Tests that replace the process's team run one after another, beside no others.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class TeamCollection
{
    public const string Name = "team of threads";
}
