namespace Lorikeet.Tensors;

/// <summary>A tensor that lives longer than a step and may be trained: its value and, once a gradient arrived, its gradient.</summary>
public sealed class Parameter : IDisposable
{
    private Tensor gradient;
    private GradientMeter? counted;

    /// <summary>A parameter that owns its value.</summary>
    /// <param name="name">Its name in files, for example <c>model.layers.0.self_attn.q_proj.lora_A.weight</c>.</param>
    /// <param name="value">Its value, in storage of its own.</param>
    /// <param name="trainable">Whether a gradient is wanted.</param>
    public Parameter(string name, Tensor value, bool trainable = true)
    {
        Name = name;
        Value = value;
        Trainable = trainable;
    }

    /// <summary>The name in files and messages.</summary>
    public string Name { get; }

    /// <summary>The value.</summary>
    public Tensor Value { get; }

    /// <summary>Whether a recorded run computes a gradient.</summary>
    public bool Trainable { get; set; }

    /// <summary>True where <see cref="Gradient"/> holds something since the last <see cref="ClearGradient"/>.</summary>
    public bool HasGradient { get; internal set; }

    /// <summary>The sum of the gradients since the last <see cref="ClearGradient"/>, same shape as the value.</summary>
    /// <exception cref="InvalidOperationException">No gradient arrived.</exception>
    public Tensor Gradient => HasGradient ? gradient : throw new InvalidOperationException($"{Name} has no gradient: nothing was recorded through it");

    /// <summary>Uses that are recorded and not yet gone through backward; the gradient is complete at 0.</summary>
    internal int Pending { get; set; }

    /// <summary>Counts the gradient's memory: that of the tape which recorded the parameter last.</summary>
    internal GradientMeter? Meter { get; set; }

    /// <summary>Forgets the gradient; its memory is kept for the next one.</summary>
    public void ClearGradient() => HasGradient = false;

    /// <summary>Forgets the gradient and frees its memory, for updates applied the moment a gradient is complete.</summary>
    public void FreeGradient()
    {
        HasGradient = false;
        if (gradient.Exists)
        {
            counted?.Add(-gradient.Shape.Length * sizeof(float));
            counted = null;
            gradient.Free();
            gradient = default;
        }
    }

    /// <summary>The gradient's memory, and whether it already holds something to add to.</summary>
    /// <param name="accumulate">True: add to it. False: its content is undefined, overwrite it.</param>
    public Tensor GradientToWrite(out bool accumulate)
    {
        if (!gradient.Exists)
        {
            gradient = new Tensor(new Storage(Value.Shape.Length * sizeof(float)), 0, Value.Shape);
            counted = Meter;
            counted?.Add(Value.Shape.Length * sizeof(float));
        }
        accumulate = HasGradient;
        HasGradient = true;
        return gradient;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Value.Free();
        FreeGradient();
    }
}
