using Lorikeet.Tensors;

namespace Lorikeet.Cli.Bench;

/// <summary>S-LoRA's synthetic workload (Sheng et al., arXiv 2311.03285, section 7.1; benchmarks/trace.py of its code): which adapter, how long, when.</summary>
internal sealed record ServeWorkload
{
    /// <summary>Distinct adapters n; 1 where all requests go to one name.</summary>
    public int Adapters { get; init; } = 1;

    /// <summary>Popularity: adapter floor(n u^(1/alpha)) with u uniform; 1: all alike, smaller: the first ones more often.</summary>
    public double Alpha { get; init; } = 1;

    /// <summary>Instead: adapter i modulo n for request i.</summary>
    public bool InTurn { get; init; }

    /// <summary>Arrivals a second R.</summary>
    public double Rate { get; init; } = 2;

    /// <summary>Standard deviation over mean of the gaps, which are Gamma(1/cv², cv²/R); 1: a Poisson process.</summary>
    public double Cv { get; init; } = 1;

    /// <summary>Requests.</summary>
    public int Requests { get; init; } = 60;

    /// <summary>Words of a prompt, uniform; the end is exclusive.</summary>
    public (int Low, int High) Input { get; init; } = (8, 512);

    /// <summary>Tokens of an answer, uniform; the end is exclusive.</summary>
    public (int Low, int High) Output { get; init; } = (8, 512);

    /// <summary>Where the draws begin.</summary>
    public ulong Seed { get; init; } = 42;

    /// <summary>Draws the requests: adapters, prompt lengths, answer lengths, gaps, each from its own stream.</summary>
    public PlannedRequest[] Plan()
    {
        CounterRandom random = new(Seed);
        DrawSequence adapters = new(random.Named("adapters")), inputs = new(random.Named("inputs")), outputs = new(random.Named("outputs")), gaps = new(random.Named("gaps"));
        double shape = 1 / (Cv * Cv), scale = Cv * Cv / Rate, at = 0;
        PlannedRequest[] plan = new PlannedRequest[Requests];
        for (int i = 0; i < plan.Length; i++)
        {
            at += gaps.Gamma(shape, scale);
            int adapter = InTurn ? i % Adapters : Math.Min((int)(Adapters * Math.Pow(adapters.Uniform(), 1 / Alpha)), Adapters - 1);
            plan[i] = new PlannedRequest(i, at, adapter, inputs.Integer(Input.Low, Input.High), outputs.Integer(Output.Low, Output.High));
        }
        return plan;
    }
}

/// <summary>A request to send.</summary>
/// <param name="Number">Its place, from 0.</param>
/// <param name="Arrival">Seconds after the start.</param>
/// <param name="Adapter">Which adapter.</param>
/// <param name="Input">Words or token ids of its prompt.</param>
/// <param name="Output">Tokens it asks for.</param>
internal sealed record PlannedRequest(int Number, double Arrival, int Adapter, int Input, int Output);
