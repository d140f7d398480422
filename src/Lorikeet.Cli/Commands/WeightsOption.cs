using System.CommandLine;
using Lorikeet.Models;

namespace Lorikeet.Cli.Commands;

/// <summary><c>--weights</c>: the format to keep a model's matrices in, quantised as they are loaded.</summary>
internal static class WeightsOption
{
    /// <summary>The option; without it, matrices stay as stored.</summary>
    public static Option<string?> Create() => new("--weights") { Description = $"Keep the model's matrices as {WeightFormat.Names}; default: as stored" };

    /// <summary>How to load a model.</summary>
    /// <param name="name">The option's value.</param>
    public static ModelLoadOptions Load(string? name) => new() { ConvertTo = name is null ? null : Parse(name) };

    /// <summary>The format of a name.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="UsageException">There is no such format.</exception>
    public static WeightFormat Parse(string name) =>
        WeightFormat.Find(name) ?? throw new UsageException($"--weights {name}: expected one of {WeightFormat.Names}");
}
