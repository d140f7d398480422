namespace Lorikeet.Kernels;

public static unsafe partial class PackedMatrix
{
    /// <summary>Packs a row-major matrix, converting its elements (to nearest even where the target is narrower).</summary>
    /// <param name="rows">[outputs, inputs], or [inputs, outputs] when <paramref name="transposed"/>; little-endian elements, any alignment.</param>
    /// <param name="from">Element type of <paramref name="rows"/>.</param>
    /// <param name="outputs">Outputs of the matrix.</param>
    /// <param name="inputs">Inputs of the matrix.</param>
    /// <param name="packed">Receives <see cref="ByteLength"/> bytes.</param>
    /// <param name="to">Element type of the packed copy.</param>
    /// <param name="transposed">The source is stored [inputs, outputs].</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1 or an unknown element type.</exception>
    public static void Pack(
        ReadOnlySpan<byte> rows, ElementType from, int outputs, int inputs, Span<byte> packed, ElementType to, bool transposed = false)
    {
        Require.Type(from, nameof(from));
        Require.Bytes(packed.Length, ByteLength(outputs, inputs, to), nameof(packed));
        Require.Bytes(rows.Length, (long)outputs * inputs * from.Size(), nameof(rows));
        fixed (byte* source = rows)
        fixed (byte* target = packed)
        {
            PackJob job = new()
            {
                Source = source,
                From = from,
                Outputs = outputs,
                Inputs = inputs,
                Target = target,
                To = to,
                Transposed = transposed,
            };
            Team.Shared.Run(ref job, PanelCount(outputs));
        }
    }

    /// <summary>One panel a chunk: blocks of ks are widened, laid out [k][16] (pairs of ks for halves) and narrowed.</summary>
    private struct PackJob : IJob
    {
        private const int DepthBlock = 128;

        public byte* Source;
        public ElementType From;
        public int Outputs;
        public int Inputs;
        public byte* Target;
        public ElementType To;
        public bool Transposed;

        public readonly void Execute(int panel)
        {
            float* block = stackalloc float[DepthBlock * Lanes];
            float* row = stackalloc float[DepthBlock];
            ushort* halves = stackalloc ushort[DepthBlock * Lanes];
            int lanes = Math.Min(Lanes, Outputs - panel * Lanes);
            for (int k = 0; k < Inputs; k += DepthBlock)
            {
                int depth = Math.Min(DepthBlock, Inputs - k);
                new Span<float>(block, depth * Lanes).Clear();
                if (Transposed)
                {
                    for (int i = 0; i < depth; i++)
                    {
                        byte* source = Source + ((long)(k + i) * Outputs + panel * Lanes) * From.Size();
                        Casting.Widen(source, From, block + i * Lanes, lanes);
                    }
                }
                else
                {
                    for (int l = 0; l < lanes; l++)
                    {
                        Casting.Widen(Source + ((long)(panel * Lanes + l) * Inputs + k) * From.Size(), From, row, depth);
                        for (int i = 0; i < depth; i++)
                        {
                            block[i * Lanes + l] = row[i];
                        }
                    }
                }
                Store(block, halves, depth, Target + (panel * PanelBytes(Inputs, To)) + (k * StepBytes(To)));
            }
        }

        // Blocks start at even ks: pairs never straddle them.
        private readonly void Store(float* block, ushort* halves, int depth, byte* target)
        {
            if (To == ElementType.F32)
            {
                Casting.Narrow(block, To, target, depth * Lanes);
                return;
            }
            if (depth % 2 != 0)
            {
                new Span<float>(block + (depth * Lanes), Lanes).Clear();
                depth++;
            }
            Casting.Narrow(block, To, (byte*)halves, depth * Lanes);
            ushort* to = (ushort*)target;
            for (int i = 0; i < depth; i += 2, halves += 2 * Lanes, to += 2 * Lanes)
            {
                for (int l = 0; l < Lanes; l++)
                {
                    to[2 * l] = halves[l];
                    to[(2 * l) + 1] = halves[l + Lanes];
                }
            }
        }
    }
}
