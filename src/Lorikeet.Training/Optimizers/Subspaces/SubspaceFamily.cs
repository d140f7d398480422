using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>FRUGAL's ways to choose what has a state.</summary>
public enum FrugalKind
{
    /// <summary>Random columns.</summary>
    Columns,

    /// <summary>Random rows.</summary>
    Rows,

    /// <summary>Random entries.</summary>
    Entries,

    /// <summary>Whole matrices.</summary>
    Blocks,

    /// <summary>The span of a basis, as in GaLore.</summary>
    Basis,
}

/// <summary>What FRUGAL does outside.</summary>
public enum OutsideRule
{
    /// <summary>signSGD.</summary>
    Sign,

    /// <summary>SGD.</summary>
    Sgd,

    /// <summary>Nothing: that gradient is dropped.</summary>
    None,
}

/// <summary>The published members of the family: each is one way to fill in <see cref="SubspaceOptimizer"/>.</summary>
internal static class SubspaceFamily
{
    /// <summary>GaLore over any optimiser: rank 128, T 200, scale 0.25, std, as in Transformers' trainer. Source: arXiv 2403.03507.</summary>
    public static IOptimizer Galore(string name, IOptimizer inner, OptimizerSettings s) =>
        new SubspaceOptimizer(name, inner, Own(s, Basis(s)), Options(s) with { Scale = s.Scale ?? 0.25, DecaysLast = inner is not Adafactor });

    /// <summary>Natural GaLore: two-sided, lambda 1e-3, 20 gradients. Source: arXiv 2410.16029.</summary>
    public static IOptimizer NaturalGalore(OptimizerSettings s) => new SubspaceOptimizer(
        "natural-galore",
        Optimizers.All["early-adamw"](s),
        Own(s, new TuckerSubspace(Ranks(s))),
        Options(s) with { Scale = s.Scale ?? 0.25, Natural = new NaturalGradient(s.Damping ?? 1e-3, s.History ?? 20, s.ClearsHistory ?? false, s.RelativeDamping ?? false) });

    /// <summary>Online GaLore: two-sided, the factors learnt. Source: arXiv 2410.16029.</summary>
    public static IOptimizer OnlineGalore(OptimizerSettings s) => new SubspaceOptimizer(
        "online-galore",
        Optimizers.All["early-adamw"](s),
        Own(s, new TuckerSubspace(Ranks(s), 1 / ((s.Period ?? 200) * (s.FirstRate ?? 1e-3)))),
        Options(s) with { Scale = s.Scale ?? 0.25 });

    /// <summary>Fira: GaLore and the scaled residual, alpha 0.25. Source: arXiv 2410.01623.</summary>
    public static IOptimizer Fira(OptimizerSettings s)
    {
        EarlyAdamW inner = new(s.Beta1 ?? 0.9, s.Beta2 ?? 0.999, s.Eps ?? 1e-6);
        return new SubspaceOptimizer(
            "fira", inner, Own(s, Basis(s)), Options(s) with { Scale = s.Scale ?? 0.25, Residual = new FiraResidual(inner, s.CleanResidual ?? false) });
    }

    /// <summary>FRUGAL: density 0.25, T 200, random columns, signSGD outside. Source: arXiv 2411.07837.</summary>
    public static IOptimizer Frugal(OptimizerSettings s)
    {
        double density = s.Density ?? 0.25;
        Subspace subspace = (s.Frugal ?? FrugalKind.Columns) switch
        {
            FrugalKind.Columns => new CoordinateSubspace(CoordinateKind.Columns, density),
            FrugalKind.Rows => new CoordinateSubspace(CoordinateKind.Rows, density),
            FrugalKind.Entries => new CoordinateSubspace(CoordinateKind.Entries, density),
            FrugalKind.Blocks => new BlockSubspace(density, s.Order ?? BlockOrder.Random),
            _ => new BasisSubspace(s.Side ?? ProjectionSide.Std, s.Basis ?? BasisKind.Svd, side => (int)Math.Round(density * side, MidpointRounding.ToEven)),
        };
        string inner = s.Inner ?? "adamw";
        if (inner is not ("adamw" or "lion" or "sgd"))
        {
            throw new ArgumentException($"frugal over {inner} is not built: its inner optimiser is adamw, lion or sgd");
        }
        return new SubspaceOptimizer("frugal", Optimizers.All[inner](s), Own(s, subspace), Options(s) with
        {
            Resets = s.Resets ?? true,
            DecaysLast = false,
            RateScale = s.RateScale ?? 1,
            Scale = s.Scale ?? 1,
            Residual = (s.Outside ?? OutsideRule.Sign) switch
            {
                OutsideRule.Sign => new FreeResidual(s.OutsideScale ?? 1, sign: true),
                OutsideRule.Sgd => new FreeResidual(s.OutsideScale ?? 1, sign: false),
                _ => null,
            },
        });
    }

    private static Subspace Own(OptimizerSettings s, Subspace own) => s.Replace is null ? own : s.Replace(own);

    private static BasisSubspace Basis(OptimizerSettings s)
    {
        int rank = s.Rank ?? 128;
        return new BasisSubspace(s.Side ?? ProjectionSide.Std, s.Basis ?? BasisKind.Svd, _ => rank);
    }

    private static Func<string, int> Ranks(OptimizerSettings s)
    {
        int rank = s.Rank ?? 128;
        return name => s.Ranks?.GetValueOrDefault(name, rank) ?? rank;
    }

    private static SubspaceOptions Options(OptimizerSettings s) => new() { Period = s.Period ?? 200, Random = new CounterRandom((ulong)(s.Seed ?? 0)).Named("subspace") };
}
