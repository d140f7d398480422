using System.Text;
using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Random numbers by position: Philox4x32-10 keyed by a seed, counted by (index, stream). Frozen: files depend on it.</summary>
/// <remarks>
/// Number i of stream s under seed k is word i mod 4 of Philox4x32-10 with key (low k, high k) and counter (low i/4, high i/4, low s, high s).
/// So any part of a sequence can be made anywhere, on any number of threads, and every machine makes the same bits. Source: Salmon et al.,
/// "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Test vectors are in docs/random-numbers.md.
/// </remarks>
/// <param name="Seed">The key.</param>
/// <param name="StreamId">The stream, the upper half of the counter.</param>
public readonly partial record struct CounterRandom(ulong Seed, ulong StreamId = 0)
{
    /// <summary>The stream for a name under the same seed: FNV-1a (64 bits) of this stream's 8 bytes, lowest first, then of the UTF-8 name.</summary>
    /// <param name="name">For example a weight's name.</param>
    public CounterRandom Named(string name)
    {
        ulong hash = 14695981039346656037UL;
        for (int i = 0; i < 8; i++)
        {
            hash = (hash ^ (byte)(StreamId >> (8 * i))) * 1099511628211UL;
        }
        ArgumentNullException.ThrowIfNull(name);
        int length = Encoding.UTF8.GetByteCount(name);
        Span<byte> bytes = length <= 256 ? stackalloc byte[length] : new byte[length];
        Encoding.UTF8.GetBytes(name, bytes);
        foreach (byte b in bytes)
        {
            hash = (hash ^ b) * 1099511628211UL;
        }
        return new CounterRandom(Seed, hash);
    }

    /// <summary>The four 32-bit words of block <paramref name="block"/>, which are numbers 4*block to 4*block+3.</summary>
    /// <param name="block">The lower half of the counter.</param>
    /// <param name="words">Receives four words.</param>
    public void Block(ulong block, Span<uint> words)
    {
        uint c0 = (uint)block, c1 = (uint)(block >> 32), c2 = (uint)StreamId, c3 = (uint)(StreamId >> 32);
        uint k0 = (uint)Seed, k1 = (uint)(Seed >> 32);
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = 0xD2511F53UL * c0;
            ulong p1 = 0xCD9E8D57UL * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += 0x9E3779B9U;
            k1 += 0xBB67AE85U;
        }
        words[0] = c0;
        words[1] = c1;
        words[2] = c2;
        words[3] = c3;
    }

    /// <summary>One 32-bit word.</summary>
    /// <param name="index">Its number.</param>
    public uint Bits(ulong index)
    {
        Span<uint> words = stackalloc uint[4];
        Block(index >> 2, words);
        return words[(int)(index & 3)];
    }

    /// <summary>One number in [0, 1): the upper 24 bits of its word times 2^-24, exact in float32.</summary>
    /// <param name="index">Its number.</param>
    public float Uniform(ulong index) => (Bits(index) >> 8) * (1f / (1 << 24));

    /// <summary>An integer in [0, below): the word times <paramref name="below"/>, divided by 2^32.</summary>
    /// <param name="index">Its number.</param>
    /// <param name="below">The exclusive upper end, at least 1.</param>
    public int Integer(ulong index, int below) => (int)(((ulong)Bits(index) * (ulong)below) >> 32);

    /// <summary>Numbers <paramref name="start"/>, start+1, ... of U(low, high): fma(u, high - low, low).</summary>
    /// <param name="to">Receives them.</param>
    /// <param name="low">The inclusive lower end.</param>
    /// <param name="high">The upper end.</param>
    /// <param name="start">The number of the first.</param>
    public void FillUniform(Span<float> to, float low, float high, ulong start = 0)
    {
        float width = high - low;
        Span<uint> words = stackalloc uint[4];
        int i = 0;
        if (KernelPath.UseAvx2 && to.Length >= BlocksAtOnce * 4)
        {
            // Up to the first whole block, then eight blocks at a time.
            int head = (int)(-(long)start & 3);
            FillOneByOne(to[..head], low, width, start, words);
            i = head + FillEightBlocks(to[head..], low, width, (start + (ulong)head) >> 2);
        }
        FillOneByOne(to[i..], low, width, start + (ulong)i, words);
    }

    /// <summary>Numbers <paramref name="start"/>, start+1, ... of N(0, deviation^2): Box-Muller in float64 on the pair of words (2i, 2i+1) that number i owns.</summary>
    /// <remarks>Logarithm and cosine come from the platform, so the last bit may differ between machines; uniform numbers never do.</remarks>
    /// <param name="to">Receives them.</param>
    /// <param name="deviation">Standard deviation.</param>
    /// <param name="start">The number of the first.</param>
    public unsafe void FillNormal(Span<float> to, float deviation, ulong start = 0)
    {
        fixed (float* pointer = to)
        {
            NormalJob job = new() { Random = this, To = pointer, Count = to.Length, Deviation = deviation, Start = start };
            Team.Shared.Run(ref job, (to.Length + NormalJob.Grain - 1) / NormalJob.Grain);
        }
    }

    private void FillNormalAlone(Span<float> to, float deviation, ulong start)
    {
        Span<uint> words = stackalloc uint[4];
        for (int i = 0; i < to.Length; i++)
        {
            ulong index = start + (ulong)i;
            if (i == 0 || (index & 1) == 0)
            {
                Block(index >> 1, words);
            }
            int pair = 2 * (int)(index & 1);
            double u = (words[pair] + 1.0) * (1.0 / 4294967296.0);
            double v = words[pair + 1] * (1.0 / 4294967296.0);
            to[i] = (float)(deviation * Math.Sqrt(-2 * Math.Log(u)) * Math.Cos(2 * Math.PI * v));
        }
    }

    private void FillOneByOne(Span<float> to, float low, float width, ulong start, Span<uint> words)
    {
        for (int i = 0; i < to.Length; i++)
        {
            ulong index = start + (ulong)i;
            if (i == 0 || (index & 3) == 0)
            {
                Block(index >> 2, words);
            }
            to[i] = MathF.FusedMultiplyAdd((words[(int)(index & 3)] >> 8) * (1f / (1 << 24)), width, low);
        }
    }

    private unsafe struct NormalJob : IJob
    {
        /// <summary>About 60 microseconds of logarithms and cosines.</summary>
        public const int Grain = 2048;

        public CounterRandom Random;
        public float* To;
        public int Count;
        public float Deviation;
        public ulong Start;

        public readonly void Execute(int chunk)
        {
            int first = chunk * Grain;
            Random.FillNormalAlone(new Span<float>(To + first, Math.Min(Grain, Count - first)), Deviation, Start + (ulong)first);
        }
    }
}
