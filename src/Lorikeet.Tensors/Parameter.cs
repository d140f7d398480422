namespace Lorikeet.Tensors;

/// <summary>A tensor that lives longer than a step and may be trained: its value and, once a gradient arrived, its gradient.</summary>
public sealed class Parameter : IDisposable
{
    // A block that was given back: whoever reads the value of a parameter that is not open is told so.
    private static readonly Storage NotOpen = GivenBack();
    private readonly IParameterStore? store;
    private volatile IParameterSource? unread;
    private Tensor gradient;
    private GradientMeter? counted;
    private Tensor value;

    /// <summary>A parameter that owns its value.</summary>
    /// <param name="name">Its name in files, for example <c>model.layers.0.self_attn.q_proj.lora_A.weight</c>.</param>
    /// <param name="value">Its value, in storage of its own.</param>
    /// <param name="trainable">Whether a gradient is wanted.</param>
    public Parameter(string name, Tensor value, bool trainable = true)
    {
        Name = name;
        this.value = value;
        Trainable = trainable;
    }

    /// <summary>A parameter whose value is kept in another form; <see cref="Value"/> can be read only while it is open.</summary>
    /// <param name="name">Its name in files.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="store">What keeps the value; the parameter does not own it.</param>
    public Parameter(string name, Shape shape, IParameterStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        Name = name;
        this.store = store;
        value = new Tensor(NotOpen, 0, shape);
        Trainable = true;
    }

    /// <summary>A parameter whose value is read when it is first asked for.</summary>
    /// <param name="name">Its name in files.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="source">Where its numbers are; it must stay until they were read or the parameter is freed.</param>
    public Parameter(string name, Shape shape, IParameterSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        Name = name;
        unread = source;
        value = new Tensor(NotOpen, 0, shape);
        Trainable = true;
    }

    /// <summary>The name in files and messages.</summary>
    public string Name { get; }

    /// <summary>The value's shape, for which nothing is read.</summary>
    public Shape Shape => value.Shape;

    /// <summary>The value; of a parameter that is stored and not open (see <see cref="Open"/>) only its shape can be read.</summary>
    /// <remarks>Where it was not read yet it is read now, into memory of its own; what is wrong with it is thrown here.</remarks>
    public Tensor Value
    {
        get
        {
            if (unread is { } source)
            {
                Read(source);
            }
            return value;
        }
    }

    /// <summary>Where the value's numbers are while nobody asked for <see cref="Value"/>; null: they are in memory.</summary>
    public IParameterSource? Unread => unread;

    /// <summary>Whether the value is kept in another form than float32.</summary>
    public bool IsStored => store is not null;

    /// <summary>Reads a stored value into memory, where it can be read and changed until <see cref="Close"/>.</summary>
    /// <param name="memory">In the parameter's shape; it must stay until then.</param>
    /// <exception cref="InvalidOperationException">The value is float32 in memory, or open already.</exception>
    public void Open(in Tensor memory)
    {
        if (store is null || value.Exists && !value.SameMemory(new Tensor(NotOpen, 0, value.Shape)))
        {
            throw new InvalidOperationException($"{Name} is {(store is null ? "not stored in another form" : "open")}: there is nothing to open");
        }
        Tensor open = memory.View(value.Shape);
        store.Read(open);
        value = open;
    }

    /// <summary>Stores the value that was opened.</summary>
    /// <param name="random">Rounds up or down by chance with these numbers; null: what was opened was not changed, and is left as it is stored.</param>
    /// <exception cref="InvalidOperationException">It is not open.</exception>
    public void Close(CounterRandom? random)
    {
        if (store is null || value.SameMemory(new Tensor(NotOpen, 0, value.Shape)))
        {
            throw new InvalidOperationException($"{Name} is not open");
        }
        if (random is { } numbers)
        {
            store.Write(value, numbers);
        }
        value = new Tensor(NotOpen, 0, value.Shape);
    }

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
        unread = null;
        value.Free();
        FreeGradient();
    }

    private void Read(IParameterSource source)
    {
        lock (source)
        {
            if (unread is null)
            {
                return;
            }
            Tensor read = new(new Storage(Shape.Length * sizeof(float)), 0, Shape);
            try
            {
                source.ReadSingle(read.Span);
            }
            catch
            {
                read.Free();
                throw;
            }
            value = read;
            unread = null;
        }
    }

    private static Storage GivenBack()
    {
        Storage storage = new(0);
        storage.Dispose();
        return storage;
    }
}

/// <summary>Keeps a parameter's value in another form than float32.</summary>
public interface IParameterStore
{
    /// <summary>Reads the value.</summary>
    /// <param name="to">In the parameter's shape.</param>
    void Read(in Tensor to);

    /// <summary>Writes the value, rounded up or down by chance: on average nothing is lost, and what can be stored exactly is.</summary>
    /// <param name="from">In the parameter's shape; its content is undefined afterwards.</param>
    /// <param name="random">Number i rounds element i.</param>
    void Write(in Tensor from, CounterRandom random);
}
