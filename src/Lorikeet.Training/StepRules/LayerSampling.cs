using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>What becomes of the optimiser's state of a layer that is not drawn again.</summary>
public enum RestingMoments
{
    /// <summary>It stays, and the layer goes on from it when it is drawn again: memory grows to that of training all layers.</summary>
    Keep,

    /// <summary>It is freed, and a layer begins anew, bias correction included: memory is that of the layers that train.</summary>
    Drop,
}

/// <summary>Trains a few layers at a time, drawn anew every so many steps, beside all that lies outside the layers (embedding, last norm, head).</summary>
/// <remarks>
/// Before the steps 0, K, 2K, .. all layers are frozen and the drawn ones are not: a frozen layer has no weight gradient, and nothing is kept for one; gradients of
/// activations pass through it. The schedule runs on. Frozen parameters have no gradient rather than one of zero, so neither momentum nor decay moves them; the
/// gradient's norm is that of what trains. Source: LISA, Pan et al., arXiv 2403.17919; OwLore, Li et al., arXiv 2405.18380.
/// </remarks>
public sealed class LayerSampling : IStepRule
{
    private readonly IReadOnlyList<IReadOnlyList<Parameter>> layers;
    private readonly ILayerDraw draw;
    private readonly int interval;
    private readonly RestingMoments moments;
    private int period = -1;

    /// <summary>A rule over given layers.</summary>
    /// <param name="name">The name in options and checkpoints.</param>
    /// <param name="layers">The parameters of each layer.</param>
    /// <param name="draw">Which layers train in which period.</param>
    /// <param name="interval">Optimiser steps of a period.</param>
    /// <param name="moments">What becomes of the states of resting layers.</param>
    public LayerSampling(string name, IReadOnlyList<IReadOnlyList<Parameter>> layers, ILayerDraw draw, int interval, RestingMoments moments)
    {
        ArgumentNullException.ThrowIfNull(layers);
        ArgumentNullException.ThrowIfNull(draw);
        if (interval < 1)
        {
            throw new ArgumentException($"layers cannot be drawn every {interval} steps: name 1 or more");
        }
        Name = name;
        this.layers = layers;
        this.draw = draw;
        this.interval = interval;
        this.moments = moments;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>The layers that train now; empty before the first step.</summary>
    public IReadOnlyList<int> Active { get; private set; } = [];

    /// <summary>What trains of each block of a model: matrices and norms.</summary>
    /// <param name="model">A model whose weights train.</param>
    public static IReadOnlyList<IReadOnlyList<Parameter>> LayersOf(LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        List<Parameter>[] layers = [.. model.Blocks.Select(_ => new List<Parameter>())];
        foreach (Site site in model.Sites.Where(s => s.Layer >= 0))
        {
            foreach (ModelTensor tensor in site.Tensors)
            {
                layers[site.Layer].AddRange((tensor.Weight?.Parameters ?? [tensor.Vector!]).Where(p => p.Trainable && !layers[site.Layer].Contains(p)));
            }
        }
        return layers.All(l => l.Count > 0)
            ? layers
            : throw new ArgumentException("layers can only be drawn where the model's own weights train: use it with --method full or with pretrain");
    }

    /// <inheritdoc/>
    public void BeforeStep(TrainState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.Step / interval != period)
        {
            Switch(state, state.Step / interval, draw.Draw(state.Step / interval));
        }
    }

    /// <inheritdoc/>
    public JsonNode? Save() => new JsonObject
    {
        ["period"] = period,
        ["active"] = new JsonArray([.. Active.Select(layer => (JsonNode)layer)]),
        ["draw"] = draw.Save(),
    };

    /// <inheritdoc/>
    public void Restore(TrainState state, JsonElement saved)
    {
        ArgumentNullException.ThrowIfNull(state);
        int[] active = [.. saved.GetProperty("active").EnumerateArray().Select(layer => layer.GetInt32())];
        int at = saved.GetProperty("period").GetInt32();
        if (at < -1 || active.Any(layer => layer < 0 || layer >= layers.Count) || active.Distinct().Count() != active.Length)
        {
            throw new FormatException($"period {at} of layers [{string.Join(", ", active)}]; the model has layers 0 to {layers.Count - 1}");
        }
        JsonElement drawn = saved.GetProperty("draw");
        if (drawn.ValueKind != JsonValueKind.Null)
        {
            draw.Restore(drawn);
        }
        if (at >= 0)
        {
            Switch(state, at, active);
        }
    }

    private void Switch(TrainState state, int to, IReadOnlyList<int> drawn)
    {
        for (int layer = 0; layer < layers.Count; layer++)
        {
            bool trains = drawn.Contains(layer);
            foreach (Parameter parameter in layers[layer])
            {
                parameter.Trainable = trains;
                if (!trains)
                {
                    parameter.FreeGradient();
                    Rest(state, parameter);
                }
            }
        }
        period = to;
        Active = drawn;
    }

    private void Rest(TrainState state, Parameter parameter)
    {
        if (moments == RestingMoments.Drop)
        {
            foreach (Trainee trainee in state.Trainees)
            {
                trainee.Forget(parameter);
            }
        }
    }
}
