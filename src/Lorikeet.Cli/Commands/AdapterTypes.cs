using Lorikeet.Models;

namespace Lorikeet.Cli.Commands;

/// <summary>The values of <c>--adapter-type</c>.</summary>
internal static class AdapterTypes
{
    /// <summary>The storage of a name.</summary>
    /// <param name="name">exact, f32, bf16 or int8.</param>
    /// <exception cref="UsageException">Another name.</exception>
    public static FactorStorage Parse(string name) => name switch
    {
        "exact" => FactorStorage.Exact,
        "f32" => FactorStorage.F32,
        "bf16" => FactorStorage.BF16,
        "int8" => FactorStorage.Int8,
        _ => throw new UsageException($"--adapter-type {name}: expected exact, f32, bf16 or int8"),
    };
}
