using Lorikeet.Models.Files;

namespace Lorikeet.Adapters;

/// <summary>Says what is wrong with a module's pair of factors before anything is allocated for it.</summary>
internal static class PairCheck
{
    /// <summary>Checks the factors of one module.</summary>
    /// <param name="file">The file.</param>
    /// <param name="path">The module.</param>
    /// <param name="keyA">The name of A after the path.</param>
    /// <param name="keyB">The name of B after the path.</param>
    /// <param name="inputs">Columns that A must have.</param>
    /// <param name="outputs">Rows that B must have.</param>
    /// <param name="rank">The rank that the configuration says.</param>
    /// <param name="pooled">use_qalora is set.</param>
    public static void Run(AdapterFile file, string path, string keyA, string keyB, int inputs, int outputs, int rank, bool pooled)
    {
        string nameA = LoraKeys.Of(path, keyA), nameB = LoraKeys.Of(path, keyB);
        bool hasA = file.TryGet(nameA, out StoredTensor? a);
        bool hasB = file.TryGet(nameB, out StoredTensor? b);
        if (!hasA && !hasB)
        {
            throw file.Bad($"{path} is targeted by {AdapterFolder.ConfigName}, but its factors are not in the file.");
        }
        if (!hasA || !hasB)
        {
            throw file.Bad($"{(hasA ? nameB : nameA)} is missing ({(hasA ? "A" : "B")} is there); expected both factors.");
        }
        Axes(file, a!, "[r, in]");
        Axes(file, b!, "[out, r]");
        if (a!.Shape[0] == inputs && a.Shape[1] == rank && inputs != rank && b!.Shape[0] == rank && b.Shape[1] == outputs)
        {
            throw file.Bad($"{nameA} is {Shown(a)}, expected [{rank}, {inputs}]: both factors look transposed.");
        }
        if (pooled && a.Shape[1] != inputs && a.Shape[1] > 0 && inputs % a.Shape[1] == 0)
        {
            throw file.Config.Unsupported($"use_qalora: {nameA} is {Shown(a)}, pooled over groups of {inputs / a.Shape[1]} inputs, which needs a GPTQ base: not supported");
        }
        if (a.Shape[1] != inputs || a.Shape[0] == 0)
        {
            throw file.Bad($"{nameA} is {Shown(a)}, the base layer needs [{rank}, {inputs}].");
        }
        if (b!.Shape[0] != outputs)
        {
            throw file.Bad($"{nameB} is {Shown(b)}, the base layer needs [{outputs}, {rank}].");
        }
        if (a.Shape[0] != b.Shape[1])
        {
            throw file.Bad($"{nameA} has rank {a.Shape[0]}, but {nameB} has rank {b.Shape[1]}; expected one rank.");
        }
        if (a.Shape[0] != rank)
        {
            string said = file.Config.Has("r") || file.Config.Has("rank_pattern") ? "" : " (the default)";
            throw file.Bad($"{path}: {AdapterFolder.ConfigName} says r = {rank}{said}, the tensors have rank {a.Shape[0]}: the scale would be a guess.");
        }
    }

    private static void Axes(AdapterFile file, StoredTensor tensor, string expected)
    {
        if (tensor.Shape.Count != 2)
        {
            throw file.Bad($"{tensor.Name} is {Shown(tensor)}, expected {expected}: the file seems to hold a shard of the tensor.");
        }
    }

    private static string Shown(StoredTensor tensor) => $"[{string.Join(", ", tensor.Shape)}]";
}
