using System.Numerics;

namespace Lorikeet.Tensors;

/// <summary>Buffers for gradients of values in flight, which are freed in another order than the arena's: one free list a size class.</summary>
internal sealed class BufferPool : IDisposable
{
    // Classes grow by an eighth, so that at most a ninth of a buffer is unused.
    private readonly Dictionary<long, Stack<Storage>> free = [];
    private readonly HashSet<Storage> all = [];

    public long HeldBytes { get; private set; }

    public PooledTensor Rent(Shape shape)
    {
        long bytes = SizeClass(Math.Max(shape.Length, 16) * sizeof(float));
        if (!free.TryGetValue(bytes, out Stack<Storage>? stack))
        {
            free[bytes] = stack = new Stack<Storage>();
        }
        if (!stack.TryPop(out Storage? storage))
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
            free[tensor.Storage.Bytes].Push(tensor.Storage);
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
    }

    private static long SizeClass(long bytes)
    {
        int shift = Math.Max(BitOperations.Log2((ulong)bytes) - 3, 6);
        long unit = 1L << shift;
        return (bytes + unit - 1) / unit * unit;
    }
}

/// <summary>A tensor and the pool's storage behind it; the storage is null where the memory belongs to a parameter.</summary>
internal readonly record struct PooledTensor(Storage? Storage, Tensor Tensor);
