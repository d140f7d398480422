using System.Numerics;

namespace Lorikeet.Tensors;

/// <summary>Buffers for gradients of values in flight, which are freed in another order than the arena's.</summary>
/// <remarks>
/// A request takes the smallest free buffer that is at most twice as long as it needs, so that steps of changing length share buffers and the
/// pool holds at most about twice what was ever in flight at once.
/// </remarks>
internal sealed class BufferPool : IDisposable
{
    private readonly List<Storage> free = [];
    private readonly List<Storage> all = [];

    public long HeldBytes { get; private set; }

    public PooledTensor Rent(Shape shape)
    {
        long bytes = SizeClass(Math.Max(shape.Length, 16) * sizeof(float));
        int best = -1;
        for (int i = 0; i < free.Count; i++)
        {
            long held = free[i].Bytes;
            if (held >= bytes && held <= 2 * bytes && (best < 0 || held < free[best].Bytes))
            {
                best = i;
            }
        }
        Storage storage;
        if (best >= 0)
        {
            storage = free[best];
            free[best] = free[^1];
            free.RemoveAt(free.Count - 1);
        }
        else
        {
            storage = new Storage(bytes);
            all.Add(storage);
            HeldBytes += bytes;
        }
        return new PooledTensor(storage, new Tensor(storage, 0, shape));
    }

    public void Return(in PooledTensor tensor)
    {
        if (tensor.Storage is not null)
        {
            free.Add(tensor.Storage);
        }
    }

    public void Dispose()
    {
        foreach (Storage storage in all)
        {
            storage.Dispose();
        }
        all.Clear();
        free.Clear();
        HeldBytes = 0;
    }

    // Classes grow by an eighth, so that at most a ninth of a fresh buffer is unused.
    private static long SizeClass(long bytes)
    {
        int shift = Math.Max(BitOperations.Log2((ulong)bytes) - 3, 6);
        long unit = 1L << shift;
        return (bytes + unit - 1) / unit * unit;
    }
}

/// <summary>A tensor and the pool's storage behind it; the storage is null in <c>default</c>, which is nothing to return.</summary>
internal readonly record struct PooledTensor(Storage? Storage, Tensor Tensor);
