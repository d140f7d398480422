using Lorikeet.Kernels;

namespace Lorikeet.Tensors.Tests;

public class HalfTrainableWeightTests
{
    [Fact]
    public void Changes_far_below_a_unit_survive_on_average()
    {
        // At 1 a unit of bfloat16 is 2^-7; 400 changes of 2^-12 are about 12.5 units.
        const int Steps = 400, Count = 64 * 48;
        const float Change = 1f / 4096;
        using HalfTrainableWeight weight = Ones(64, 48);
        using Arena arena = new();
        for (int step = 0; step < Steps; step++)
        {
            ChangeAll(weight, arena, Change, new CounterRandom(5).Named($"{step}"));
        }
        float[] values = weight.ToArray();
        double mean = values.Average(v => (double)v);
        // One rounding moves by a unit with the chance of 1/32: the deviation of a mean of so many is about 2^-7 sqrt(400/32/Count).
        Assert.InRange(mean, 1 + (Steps * Change) - 0.003, 1 + (Steps * Change) + 0.003);
        Assert.Contains(values, v => v != values[0]);
        // Rounded to nearest, nothing would ever change.
        Assert.Equal(1f, BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(1 + Change) + 0x7fff & 0xffff0000));
        Assert.All(values, v => Assert.Equal(0u, BitConverter.SingleToUInt32Bits(v) & 0xffff));
        Assert.Equal(Count, values.Length);
    }

    [Fact]
    public void The_same_numbers_round_the_same_way_and_others_do_not()
    {
        using HalfTrainableWeight one = Ones(33, 17), two = Ones(33, 17), other = Ones(33, 17);
        using Arena arena = new();
        ChangeAll(one, arena, 0.001f, new CounterRandom(1));
        ChangeAll(two, arena, 0.001f, new CounterRandom(1));
        ChangeAll(other, arena, 0.001f, new CounterRandom(2));
        Assert.Equal(one.ToArray(), two.ToArray());
        Assert.NotEqual(one.ToArray(), other.ToArray());
    }

    [Fact]
    public void A_value_that_was_not_changed_stays_bit_for_bit_whatever_is_drawn()
    {
        using HalfTrainableWeight weight = Ones(5, 31);
        using Arena arena = new();
        ChangeAll(weight, arena, 0.37f, new CounterRandom(3));
        float[] before = weight.ToArray();
        ChangeAll(weight, arena, 0, new CounterRandom(4));
        Assert.Equal(before, weight.ToArray());
    }

    [Fact]
    public void It_takes_half_the_memory_and_multiplies_as_a_frozen_one()
    {
        Tensor rows = Storage.Zeros(new Shape(48, 32));
        new CounterRandom(9).FillNormal(rows.Span, 1);
        using DenseWeight frozen = new(rows.Span, 48, 32, ElementType.BF16);
        using HalfTrainableWeight half = HalfTrainableWeight.Copy("w", frozen);
        using TrainableWeight full = TrainableWeight.Copy("w", frozen);
        Assert.Equal(full.Bytes / 2, half.Bytes);
        using Run run = new();
        Tensor x = run.Allocate(3, 32), y = run.Allocate(3, 48), z = run.Allocate(3, 48);
        new CounterRandom(10).FillNormal(x.Span, 1);
        half.Multiply(run, half.Prepare(run, x), y);
        frozen.Multiply(run, frozen.Prepare(run, x), z);
        Assert.Equal(z.Span.ToArray(), y.Span.ToArray());
        Assert.Equal(full.ToArray(), half.ToArray());
        rows.Free();
    }

    [Fact]
    public void A_value_is_read_only_while_it_is_open()
    {
        using HalfTrainableWeight weight = Ones(2, 2);
        Parameter parameter = weight.Parameter;
        Assert.Equal(new Shape(2, 2), parameter.Value.Shape);
        Assert.Throws<ObjectDisposedException>(() => parameter.Value.Span[0]);
        Assert.Throws<InvalidOperationException>(() => parameter.Close(null));
        using Arena arena = new();
        parameter.Open(arena.Allocate(new Shape(2, 2)));
        Assert.Equal(1f, parameter.Value.Span[3]);
        Assert.Throws<InvalidOperationException>(() => parameter.Open(arena.Allocate(new Shape(2, 2))));
        parameter.Close(null);
        using TrainableWeight full = TrainableWeight.Copy("w", weight);
        Assert.Throws<InvalidOperationException>(() => full.Parameter.Open(arena.Allocate(new Shape(2, 2))));
    }

    private static HalfTrainableWeight Ones(int outputs, int inputs)
    {
        float[] ones = new float[outputs * inputs];
        Array.Fill(ones, 1f);
        using DenseWeight dense = new(ones, outputs, inputs);
        return HalfTrainableWeight.Copy("w", dense);
    }

    private static void ChangeAll(HalfTrainableWeight weight, Arena arena, float change, CounterRandom random)
    {
        ArenaMark mark = arena.Mark;
        weight.Parameter.Open(arena.Allocate(weight.Parameter.Value.Shape));
        foreach (ref float value in weight.Parameter.Value.Span)
        {
            value += change;
        }
        weight.Parameter.Close(random);
        arena.Release(mark);
    }
}
