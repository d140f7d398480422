using Lorikeet.Kernels;
using Lorikeet.Testing;

namespace Lorikeet.Tensors.Tests;

public sealed class QuantisedWeightTests
{
    private const int Outputs = 37, Inputs = 256;

    public static TheoryData<string> Formats => [.. BlockFormat.All.Where(f => f.Values > 1).Select(f => f.Name), "nf4", "nf4-double", "fp4"];

    private static Weight Make(string format, float[] values) => BlockFormat.Find(format) is { } blocks
        ? Weights.Quantise(blocks, values, Outputs, Inputs)
        : FourBitWeight.Quantise(values, Outputs, Inputs, format[..3], format.EndsWith("-double", StringComparison.Ordinal));

    private static float[] Numbers(int count, ulong seed)
    {
        float[] values = new float[count];
        new CounterRandom(seed).FillNormal(values, 0.3f);
        return values;
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Recorded_products_are_those_of_the_restored_values_and_so_are_gradients(string format)
    {
        using Weight weight = Make(format, Numbers(Outputs * Inputs, 1));
        double[] restored = Array.ConvertAll(weight.ToArray(), v => (double)v);
        new GradientCheck(
            format,
            [GradientInput.Of(5, Inputs)],
            (run, p) =>
            {
                // Values without a tape are held to the same oracle here.
                run.FullActivations = true;
                Tensor x = run.Use(p[0]);
                return Linear.Forward(run, weight.Prepare(run, x), weight);
            },
            x => Oracle.Linear(x[0], restored, Outputs)).Run();
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Unrecorded_products_code_the_input_within_the_stated_error(string format)
    {
        using Weight weight = Make(format, Numbers(Outputs * Inputs, 2));
        float[] restored = weight.ToArray();
        using Run run = new();
        Tensor x = run.Allocate(3, Inputs);
        new CounterRandom(3).FillNormal(x.Span, 1f);
        float[] coded = Linear.Forward(run, weight.Prepare(run, x), weight).Span.ToArray();
        run.FullActivations = true;
        float[] full = Linear.Forward(run, weight.Prepare(run, x), weight).Span.ToArray();
        bool codes = weight.Preparation.Length > 0;
        Assert.Equal(codes, !coded.AsSpan().SequenceEqual(full));
        for (int i = 0; i < coded.Length; i++)
        {
            double bound = 1e-4;
            for (int k = 0; k < Inputs && codes; k += 32)
            {
                double largest = 0, sum = 0;
                for (int j = k; j < k + 32; j++)
                {
                    largest = Math.Max(largest, Math.Abs(x.Row(i / Outputs)[j]));
                    sum += Math.Abs(restored[(i % Outputs * Inputs) + j]);
                }
                bound += sum * largest / 254;
            }
            Assert.True(Math.Abs(coded[i] - full[i]) <= bound, $"{format}: {coded[i]} coded, {full[i]} in float32, allowed {bound}");
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Memory_is_what_the_format_says_and_is_freed(string format)
    {
        long before = Storage.LiveBytes;
        using (Weight weight = Make(format, Numbers(Outputs * Inputs, 4)))
        {
            double bits = weight.Bytes * 8.0 / (48 * Inputs);
            // Q4_K keeps its scales in bytes; all pad the outputs to 48.
            double expected = BlockFormat.Find(format) is { } blocks ? (format == "Q4_K" ? 4.625 : blocks.Bits) : 4.5;
            Assert.InRange(bits, expected * 0.75, expected);
            Assert.Equal(format, weight.Format, ignoreCase: true);
            Assert.False(weight.Trains);
        }
        Assert.Equal(before, Storage.LiveBytes);
    }

    [Fact]
    public void Blocks_come_out_as_they_went_in()
    {
        foreach (BlockFormat format in BlockFormat.All.Where(f => f.Values > 1))
        {
            int rowBytes = (int)format.RowBytes(Inputs);
            byte[] blocks = new byte[Outputs * rowBytes], row = new byte[rowBytes];
            RowQuantiser.Run(format, Numbers(Outputs * Inputs, 5), Outputs, Inputs, blocks);
            using Weight weight = Weights.FromBlocks(format, blocks, Outputs, Inputs);
            Assert.Same(format, weight.Blocks);
            for (int r = 0; r < Outputs; r++)
            {
                weight.ReadBlocks(r, row);
                Assert.Equal(blocks.AsSpan(r * rowBytes, rowBytes).ToArray(), row);
            }
        }
        using DenseWeight dense = new(new float[6], 2, 3);
        Assert.Null(dense.Blocks);
        Assert.Contains("not kept in blocks", Assert.Throws<InvalidOperationException>(() => dense.ReadBlocks(0, [])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_kept_leaves_no_memory_behind()
    {
        long before = Storage.LiveBytes;
        float[] values = Numbers(Outputs * Inputs, 6);
        Assert.Throws<ArgumentException>(() => Weights.Quantise(BlockFormat.Q4_K, values, Outputs, 100));
        Assert.Throws<ArgumentException>(() => Weights.FromBlocks(BlockFormat.Q8_0, new byte[10], 1, 32));
        using (FourBitWeight whole = FourBitWeight.Quantise(values, Outputs, Inputs))
        {
            Assert.Throws<ArgumentException>(() => new FourBitWeight(new byte[10], whole.State, Outputs, Inputs));
            Assert.Throws<ArgumentException>(() => new FourBitWeight(whole.Codes(), whole.State with { Maxima = [1f] }, Outputs, Inputs));
        }
        values[300] = 1e9f;
        Assert.Throws<InvalidDataException>(() => Weights.Quantise(BlockFormat.Q8_0, values, Outputs, Inputs));
        values[300] = float.NaN;
        Assert.Throws<InvalidDataException>(() => FourBitWeight.Quantise(values, Outputs, Inputs));
        Assert.Equal(before, Storage.LiveBytes);
    }
}
