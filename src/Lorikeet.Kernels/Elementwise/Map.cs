using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Applies an operator to every place of up to three arrays: whole vectors, then one masked vector for the tail.</summary>
/// <remarks>The result may be one of the inputs. No element outside the arrays is read or written.</remarks>
internal static unsafe class Map
{
    public static void Run<TOperator>(TOperator op, float* x, float* to, nint count)
        where TOperator : unmanaged, IUnary
    {
        if (KernelPath.UseAvx512)
        {
            Widest(op, x, to, count);
        }
        else if (KernelPath.UseAvx2)
        {
            Wide(op, x, to, count);
        }
        else
        {
            Scalar(op, x, to, count);
        }
    }

    public static void Run<TOperator>(TOperator op, float* x, float* y, float* to, nint count)
        where TOperator : unmanaged, IBinary
    {
        if (KernelPath.UseAvx512)
        {
            Widest(op, x, y, to, count);
        }
        else if (KernelPath.UseAvx2)
        {
            Wide(op, x, y, to, count);
        }
        else
        {
            Scalar(op, x, y, to, count);
        }
    }

    public static void Run<TOperator>(TOperator op, float* x, float* y, float* z, float* to, nint count)
        where TOperator : unmanaged, ITernary
    {
        if (KernelPath.UseAvx512)
        {
            Widest(op, x, y, z, to, count);
        }
        else if (KernelPath.UseAvx2)
        {
            Wide(op, x, y, z, to, count);
        }
        else
        {
            Scalar(op, x, y, z, to, count);
        }
    }

    /// <summary>The same on a block of short rows, in place: a call for each row would cost as much as its arithmetic.</summary>
    public static void Rows<TOperator>(TOperator op, float* x, nint stride, int rows, nint columns)
        where TOperator : unmanaged, IUnary
    {
        for (int r = 0; r < rows; r++, x += stride)
        {
            nint i = 0;
            for (; KernelPath.UseAvx512 && i <= columns - 16; i += 16)
            {
                Sixteen.Store(op.Invoke(Sixteen.Load(x + i)), x + i);
            }
            if (i < columns)
            {
                Run(op, x + i, x + i, columns - i);
            }
        }
    }

    /// <summary>The same: <c>y = op(x, y)</c>.</summary>
    public static void Rows<TOperator>(TOperator op, float* x, nint xStride, float* y, nint yStride, int rows, nint columns)
        where TOperator : unmanaged, IBinary
    {
        for (int r = 0; r < rows; r++, x += xStride, y += yStride)
        {
            nint i = 0;
            for (; KernelPath.UseAvx512 && i <= columns - 16; i += 16)
            {
                Sixteen.Store(op.Invoke(Sixteen.Load(x + i), Sixteen.Load(y + i)), y + i);
            }
            if (i < columns)
            {
                Run(op, x + i, y + i, y + i, columns - i);
            }
        }
    }

    internal static void Scalar<TOperator>(TOperator op, float* x, float* to, nint count)
        where TOperator : unmanaged, IUnary
    {
        for (nint i = 0; i < count; i++)
        {
            One.Store(op.Invoke(One.Load(x + i)), to + i);
        }
    }

    internal static void Widest<TOperator>(TOperator op, float* x, float* to, nint count)
        where TOperator : unmanaged, IUnary
    {
        nint i = 0;
        for (; i <= count - 16; i += 16)
        {
            Sixteen.Store(op.Invoke(Sixteen.Load(x + i)), to + i);
        }
        Wide(op, x + i, to + i, count - i);
    }

    internal static void Wide<TOperator>(TOperator op, float* x, float* to, nint count)
        where TOperator : unmanaged, IUnary
    {
        nint i = 0;
        for (; i <= count - 8; i += 8)
        {
            Eight.Store(op.Invoke(Eight.Load(x + i)), to + i);
        }
        if (i < count)
        {
            Vector256<float> mask = Eight.FirstLanes(count - i);
            Avx.MaskStore(to + i, mask, op.Invoke(new Eight(Avx.MaskLoad(x + i, mask))).Value);
        }
    }

    internal static void Scalar<TOperator>(TOperator op, float* x, float* y, float* to, nint count)
        where TOperator : unmanaged, IBinary
    {
        for (nint i = 0; i < count; i++)
        {
            One.Store(op.Invoke(One.Load(x + i), One.Load(y + i)), to + i);
        }
    }

    internal static void Widest<TOperator>(TOperator op, float* x, float* y, float* to, nint count)
        where TOperator : unmanaged, IBinary
    {
        nint i = 0;
        for (; i <= count - 16; i += 16)
        {
            Sixteen.Store(op.Invoke(Sixteen.Load(x + i), Sixteen.Load(y + i)), to + i);
        }
        Wide(op, x + i, y + i, to + i, count - i);
    }

    internal static void Wide<TOperator>(TOperator op, float* x, float* y, float* to, nint count)
        where TOperator : unmanaged, IBinary
    {
        nint i = 0;
        for (; i <= count - 8; i += 8)
        {
            Eight.Store(op.Invoke(Eight.Load(x + i), Eight.Load(y + i)), to + i);
        }
        if (i < count)
        {
            Vector256<float> mask = Eight.FirstLanes(count - i);
            Eight tail = op.Invoke(new Eight(Avx.MaskLoad(x + i, mask)), new Eight(Avx.MaskLoad(y + i, mask)));
            Avx.MaskStore(to + i, mask, tail.Value);
        }
    }

    internal static void Scalar<TOperator>(TOperator op, float* x, float* y, float* z, float* to, nint count)
        where TOperator : unmanaged, ITernary
    {
        for (nint i = 0; i < count; i++)
        {
            One.Store(op.Invoke(One.Load(x + i), One.Load(y + i), One.Load(z + i)), to + i);
        }
    }

    internal static void Widest<TOperator>(TOperator op, float* x, float* y, float* z, float* to, nint count)
        where TOperator : unmanaged, ITernary
    {
        nint i = 0;
        for (; i <= count - 16; i += 16)
        {
            Sixteen.Store(op.Invoke(Sixteen.Load(x + i), Sixteen.Load(y + i), Sixteen.Load(z + i)), to + i);
        }
        Wide(op, x + i, y + i, z + i, to + i, count - i);
    }

    internal static void Wide<TOperator>(TOperator op, float* x, float* y, float* z, float* to, nint count)
        where TOperator : unmanaged, ITernary
    {
        nint i = 0;
        for (; i <= count - 8; i += 8)
        {
            Eight.Store(op.Invoke(Eight.Load(x + i), Eight.Load(y + i), Eight.Load(z + i)), to + i);
        }
        if (i < count)
        {
            Vector256<float> mask = Eight.FirstLanes(count - i);
            Eight tail = op.Invoke(
                new Eight(Avx.MaskLoad(x + i, mask)), new Eight(Avx.MaskLoad(y + i, mask)), new Eight(Avx.MaskLoad(z + i, mask)));
            Avx.MaskStore(to + i, mask, tail.Value);
        }
    }
}
