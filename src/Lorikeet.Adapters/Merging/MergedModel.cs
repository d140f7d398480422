using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>A model with an adapter folded into its weights; disposing puts the original weights back, bit for bit.</summary>
/// <remarks>Merging is done in float32 on copies, so that nothing drifts. While merged, no other adapter of the model may run.</remarks>
public sealed class MergedModel : IDisposable
{
    private readonly List<Action> undo = [];
    private readonly List<IDisposable> owned = [];

    internal MergedModel(LanguageModel model, IReadOnlyList<string> warnings)
    {
        Model = model;
        Warnings = warnings;
    }

    /// <summary>The model.</summary>
    public LanguageModel Model { get; }

    /// <summary>What a user should know, one line each.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>The names of the tensors that are not the base's any more.</summary>
    public IReadOnlySet<string> Changed => changed;

    private readonly HashSet<string> changed = [];

    /// <summary>Puts the original weights back.</summary>
    public void Dispose()
    {
        for (int i = undo.Count - 1; i >= 0; i--)
        {
            undo[i]();
        }
        undo.Clear();
        foreach (IDisposable tensor in owned)
        {
            tensor.Dispose();
        }
        owned.Clear();
    }

    internal void Own(IDisposable tensor) => owned.Add(tensor);

    internal void Exchange(string name, Action put, Action back)
    {
        put();
        undo.Add(back);
        changed.Add(name);
    }
}
