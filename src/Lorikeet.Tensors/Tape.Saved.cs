namespace Lorikeet.Tensors;

/// <content>Which memory backward will read again, so that no op in place destroys it unnoticed.</content>
public sealed unsafe partial class Tape
{
    private readonly List<Kept> kept = [];
    private readonly List<Kept> ordered = [];

    /// <summary>Says that an op in place is about to overwrite a value; every op named <c>Into</c> calls this first.</summary>
    /// <param name="value">The value.</param>
    /// <exception cref="InvalidOperationException">A recorded op saved it for its backward, or it is a parameter.</exception>
    public void Overwrite(in Tensor value)
    {
        if (value.Recorded && Of(value).Leaf is { } parameter)
        {
            throw new InvalidOperationException($"an op in place would overwrite the parameter {parameter.Name}: copy it first (Scale by 1)");
        }
        float* first = value.Pointer;
        float* end = first + value.Shape.Length;
        for (int i = kept.Count - 1; i >= 0; i--)
        {
            if (first < kept[i].End && kept[i].First < end)
            {
                throw new InvalidOperationException(
                    $"an op in place would overwrite {value.Shape}, which an earlier op saved for its backward: copy it first (Scale by 1)");
            }
        }
    }

    /// <summary>Keeps a value for the entry that is recorded next.</summary>
    internal void Keep(in Tensor tensor)
    {
        if (tensor.Exists)
        {
            kept.Add(new Kept(tensor.Pointer, tensor.Pointer + tensor.Shape.Length, count));
        }
    }

    /// <summary>Takes back the last <see cref="Keep"/>, where nothing was recorded for it.</summary>
    internal void Unkeep() => kept.RemoveAt(kept.Count - 1);

    /// <summary>Bytes of all that is kept; what several ops keep counts once.</summary>
    private long SavedBytes()
    {
        ordered.Clear();
        ordered.AddRange(kept);
        ordered.Sort(static (a, b) => ((nint)a.First).CompareTo((nint)b.First));
        float* end = null;
        long count = 0;
        foreach (Kept part in ordered)
        {
            float* from = part.First > end ? part.First : end;
            count += part.End > from ? part.End - from : 0;
            end = part.End > end ? part.End : end;
        }
        return count * sizeof(float);
    }

    private readonly struct Kept(float* first, float* end, int entry)
    {
        public readonly float* First = first;
        public readonly float* End = end;
        public readonly int Entry = entry;
    }
}
