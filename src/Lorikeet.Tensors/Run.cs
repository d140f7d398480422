namespace Lorikeet.Tensors;

/// <summary>What one pass through a model carries: where its values live, and the tape if it is recorded.</summary>
/// <remarks>One thread drives a run; kernels below it use the worker team.</remarks>
public class Run : IDisposable
{
    private Tensor coded;
    private Tensor codes;
    private long codedAt;

    /// <summary>A run with an arena of its own.</summary>
    public Run() => Arena = new Arena();

    /// <summary>Memory of this step's values.</summary>
    public Arena Arena { get; }

    /// <summary>The tape; null: nothing is recorded.</summary>
    public Tape? Tape { get; set; }

    /// <summary>Dropout and the like are active.</summary>
    public bool Training { get; set; }

    /// <summary>
    /// Products with quantised weights read their input in float32, as recorded runs always do. Default: false, the input is coded to 8 bits where the
    /// weight has integer kernels.
    /// </summary>
    public bool FullActivations { get; set; }

    /// <summary>Where the random numbers of this step (dropout masks) come from.</summary>
    public CounterRandom Random { get; set; }

    /// <summary>Notes the codes of a value that were made together with it, for the weight that reads it next.</summary>
    /// <param name="value">The value, [rows, width].</param>
    /// <param name="made">[rows] of <see cref="Kernels.CodedRows"/>.</param>
    public void KeepCodes(in Tensor value, in Tensor made)
    {
        coded = value;
        codes = made;
        codedAt = Arena.Releases;
    }

    /// <summary>The codes of a value; default: none were made beside it, or its memory may have changed hands since.</summary>
    internal Tensor CodesOf(in Tensor value) =>
        coded.Exists && codedAt == Arena.Releases && coded.SameMemory(value) && coded.Shape.Length == value.Shape.Length ? codes : default;

    /// <summary>Room for the codes of a value.</summary>
    /// <param name="rows">Rows of the value.</param>
    /// <param name="width">Its width, whole blocks of <see cref="Kernels.CodedRows.Values"/>.</param>
    public Tensor AllocateCodes(int rows, int width) => Allocate(rows, Kernels.CodedRows.RowBytes(width) / sizeof(float));

    /// <summary>A tensor of undefined content in this step's arena.</summary>
    /// <param name="rows">Length of the first axis.</param>
    /// <param name="width">Length of the last axis.</param>
    public Tensor Allocate(int rows, int width) => Arena.Allocate(new Shape(rows, width));

    /// <summary>The parameter's value as an input of recorded ops; not recorded where the run or the parameter is not.</summary>
    /// <param name="parameter">The parameter.</param>
    public Tensor Use(Parameter parameter) =>
        Tape is not null && parameter.Trainable ? Tape.Track(parameter) : parameter.Value;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the arena and the tape.</summary>
    /// <param name="disposing">Always true: there is no finaliser.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            Arena.Dispose();
            Tape?.Dispose();
        }
    }
}
