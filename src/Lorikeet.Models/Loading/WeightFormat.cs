using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>What a matrix is in its model; some formats treat the head and tables apart.</summary>
public enum MatrixRole
{
    /// <summary>A linear layer of a block.</summary>
    Linear,

    /// <summary>A table of tokens that is not the head's too.</summary>
    Table,

    /// <summary>The output head, or the table of tokens that is tied to it.</summary>
    Head,

    /// <summary>A table of positions or the like: small, and read one row at a time.</summary>
    Other,
}

/// <summary>A format to keep a model's matrices in, by the name that <c>--weights</c> takes.</summary>
/// <remarks>
/// f32, bf16 and f16 apply to all matrices. Formats in blocks apply to linear layers, the token table and the head, but the head (and a table tied to it)
/// takes Q6_K where the format has fewer bits. Where rows are no whole blocks of 256, Q8_0 is used; where they are none of 32 either, the matrix stays as
/// stored. nf4 and fp4 apply to linear layers of blocks only, as in bitsandbytes.
/// </remarks>
public sealed class WeightFormat
{
    private readonly BlockFormat? blocks;
    private readonly ElementType? element;
    private readonly bool doubled;

    private WeightFormat(string name, BlockFormat? blocks = null, ElementType? element = null, bool doubled = false)
    {
        Name = name;
        this.blocks = blocks;
        this.element = element;
        this.doubled = doubled;
    }

    /// <summary>All formats.</summary>
    public static IReadOnlyList<WeightFormat> All { get; } =
    [
        new("f32", element: ElementType.F32),
        new("bf16", element: ElementType.BF16),
        new("f16", element: ElementType.F16),
        .. BlockFormat.All.Where(format => format.Values > 1).Select(format => new WeightFormat(format.Name.ToLowerInvariant(), format)),
        new("nf4"),
        new("nf4-double", doubled: true),
        new("fp4"),
        new("fp4-double", doubled: true),
    ];

    /// <summary>The name.</summary>
    public string Name { get; }

    /// <summary>All names, for messages.</summary>
    public static string Names => string.Join(", ", All.Select(f => f.Name));

    /// <summary>Finds a format by name, in any case; null where there is none.</summary>
    /// <param name="name">For example <c>q4_0</c>.</param>
    public static WeightFormat? Find(string name) => All.FirstOrDefault(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The format without blocks.</summary>
    /// <param name="type">The element type.</param>
    public static WeightFormat Of(ElementType type) => All.First(f => f.element == type);

    /// <summary>The format without blocks; null for null.</summary>
    /// <param name="type">The element type, or null.</param>
    public static implicit operator WeightFormat?(ElementType? type) => type is { } known ? Of(known) : null;

    /// <summary>Brings a weight into this format.</summary>
    /// <param name="weight">The weight; it stays the caller's.</param>
    /// <param name="role">What it is.</param>
    /// <returns>Another weight, or the same where it stays as it is.</returns>
    /// <exception cref="InvalidDataException">Its values are not finite, or too large for the format.</exception>
    public Weight Convert(Weight weight, MatrixRole role)
    {
        ArgumentNullException.ThrowIfNull(weight);
        return Plan(weight, role)?.Invoke() ?? weight;
    }

    /// <summary>How to bring a weight into this format, once it may be freed; null where it stays as it is.</summary>
    /// <remarks>Its memory, given back first, is then room for the other's.</remarks>
    internal Func<Weight>? Plan(Weight weight, MatrixRole role)
    {
        (int outputs, int inputs) = (weight.Outputs, weight.Inputs);
        if (element is { } type)
        {
            return weight.Format == Name ? null : With(weight, values => new DenseWeight(values, outputs, inputs, type));
        }
        if (blocks is null)
        {
            return role != MatrixRole.Linear || weight.Format == Name
                ? null
                : With(weight, values => FourBitWeight.Quantise(values, outputs, inputs, Name[..3], doubled));
        }
        BlockFormat? wanted = Blocks(blocks, weight, role);
        return wanted is null || weight.Blocks == wanted ? null : With(weight, values => Weights.Quantise(wanted, values, outputs, inputs));
    }

    private static Func<Weight> With(Weight weight, Func<float[], Weight> make)
    {
        float[] values = weight.ToArray();
        return () => make(values);
    }

    /// <summary>The format of a GGUF file's tensor that stands for this one.</summary>
    /// <param name="weight">The weight.</param>
    /// <param name="role">What it is.</param>
    /// <returns>Null where the weight stays as it is.</returns>
    /// <exception cref="NotSupportedException">GGUF files have no such format.</exception>
    internal BlockFormat? BlocksFor(Weight weight, MatrixRole role) => element switch
    {
        ElementType.F32 => BlockFormat.F32,
        ElementType.BF16 => BlockFormat.BF16,
        ElementType.F16 => BlockFormat.F16,
        _ => Blocks(blocks ?? throw new NotSupportedException($"{Name} is a format of bitsandbytes; GGUF files hold f32, f16, bf16 and formats in blocks such as q4_k"), weight, role),
    };

    private static BlockFormat? Blocks(BlockFormat blocks, Weight weight, MatrixRole role)
    {
        BlockFormat? wanted = role == MatrixRole.Other ? null : role == MatrixRole.Head && blocks.Bits < BlockFormat.Q6_K.Bits ? BlockFormat.Q6_K : blocks;
        return wanted is null || weight.Inputs % wanted.Values == 0 ? wanted : weight.Inputs % BlockFormat.Q8_0.Values == 0 ? BlockFormat.Q8_0 : null;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
